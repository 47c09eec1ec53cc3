package node

import (
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/volume"
	"k8s.io/kubernetes/pkg/volume/hostpath"
	"k8s.io/kubernetes/pkg/volume/projected"
)

// recorder is a plugin and a mounter that remembers what it was asked for.
type recorder struct {
	volume.VolumePlugin
	volume.Mounter
	args volume.MounterArgs
}

func (r *recorder) GetPluginName() string { return projected.ProbeVolumePlugins()[0].GetPluginName() }

func (r *recorder) NewMounter(*volume.Spec, *v1.Pod) (volume.Mounter, error) { return r, nil }

func (r *recorder) SetUp(args volume.MounterArgs) error {
	r.args = args
	return nil
}

func TestVolumesBelongToWhoExists(t *testing.T) {
	id := func(n int64) *int64 { return &n }
	here := owners{users: idMap{{0, 1}}, groups: idMap{{0, 1}, {1, 65536}}}
	inner := &recorder{}
	mounter, err := here.affordable([]volume.VolumePlugin{inner})[0].NewMounter(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		user, group *int64
		kept        bool
	}{
		{nil, nil, true},
		{id(0), id(65536), true},
		{id(8737), id(65537), false},
	} {
		if err := mounter.SetUp(volume.MounterArgs{FsUser: c.user, FsGroup: c.group}); err != nil {
			t.Fatal(err)
		}
		wantUser, wantGroup := c.user, c.group
		if !c.kept {
			wantUser, wantGroup = nil, nil
		}
		if inner.args.FsUser != wantUser || inner.args.FsGroup != wantGroup {
			t.Errorf("kept %v: got %v and %v of %v and %v", c.kept, inner.args.FsUser, inner.args.FsGroup, c.user, c.group)
		}
	}
}

func TestOtherPluginsKeepWhatTheyCan(t *testing.T) {
	plugins := hostpath.ProbeVolumePlugins(volume.VolumeConfig{})
	if _, ok := (owners{}).affordable(plugins)[0].(volume.PersistentVolumePlugin); !ok {
		t.Error("a hostPath volume can no longer be a persistent one")
	}
}

func TestIDMapOfThisProcessHoldsItsOwnUser(t *testing.T) {
	all, err := currentOwners()
	if err != nil {
		t.Fatal(err)
	}
	zero := int64(0)
	if len(all.users) == 0 || len(all.groups) == 0 || all.users.keep(&zero) == nil && all.users[0].first == 0 {
		t.Errorf("%+v", all)
	}
}
