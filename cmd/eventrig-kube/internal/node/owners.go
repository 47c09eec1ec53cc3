package node

import (
	"bufio"
	"fmt"
	"os"
	"slices"

	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/volume"
	"k8s.io/kubernetes/pkg/volume/configmap"
	"k8s.io/kubernetes/pkg/volume/downwardapi"
	"k8s.io/kubernetes/pkg/volume/emptydir"
	"k8s.io/kubernetes/pkg/volume/projected"
	"k8s.io/kubernetes/pkg/volume/secret"
)

// idMap is a file such as /proc/self/uid_map: the spans of ids that exist in this user namespace.
type idMap []idSpan

type idSpan struct{ first, count int64 }

func readIDMap(path string) (idMap, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read which ids exist here: %w", err)
	}
	defer file.Close()
	var spans idMap
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var span idSpan
		var outside int64
		if _, err := fmt.Sscan(lines.Text(), &span.first, &outside, &span.count); err != nil {
			return nil, fmt.Errorf("read which ids exist here: line %q of %s: %w", lines.Text(), path, err)
		}
		spans = append(spans, span)
	}
	return spans, nil
}

// keep returns id, or nil if it does not exist here.
func (m idMap) keep(id *int64) *int64 {
	if id == nil || slices.ContainsFunc(m, func(s idSpan) bool { return *id >= s.first && *id-s.first < s.count }) {
		return id
	}
	return nil
}

// owners are the users and groups that a file can belong to here.
type owners struct{ users, groups idMap }

func currentOwners() (owners, error) {
	users, err := readIDMap("/proc/self/uid_map")
	if err != nil {
		return owners{}, err
	}
	groups, err := readIDMap("/proc/self/gid_map")
	return owners{users, groups}, err
}

// madeVolumes are the plugins whose volumes the kubelet itself fills and gives to the pod's user (the token of its
// ServiceAccount) or group (fsGroup). The others leave the owner as it is.
func madeVolumes() map[string]bool {
	names := map[string]bool{}
	for _, probe := range []func() []volume.VolumePlugin{
		emptydir.ProbeVolumePlugins, secret.ProbeVolumePlugins, configmap.ProbeVolumePlugins, downwardapi.ProbeVolumePlugins, projected.ProbeVolumePlugins,
	} {
		for _, plugin := range probe() {
			names[plugin.GetPluginName()] = true
		}
	}
	return names
}

// affordable returns the plugins, changed so that no volume is given to a user or group that does not exist in this user
// namespace: the change would be refused and the pod would never start. The pod's process cannot run as that user
// either; it runs as the one that owns the files (the shim says so in an Event).
func (o owners) affordable(plugins []volume.VolumePlugin) []volume.VolumePlugin {
	made := madeVolumes()
	result := make([]volume.VolumePlugin, len(plugins))
	for i, plugin := range plugins {
		result[i] = plugin
		if made[plugin.GetPluginName()] {
			result[i] = affordablePlugin{plugin, o}
		}
	}
	return result
}

type affordablePlugin struct {
	volume.VolumePlugin
	owners owners
}

// NewMounter implements volume.VolumePlugin.
func (p affordablePlugin) NewMounter(spec *volume.Spec, pod *v1.Pod) (volume.Mounter, error) {
	mounter, err := p.VolumePlugin.NewMounter(spec, pod)
	if err != nil {
		return nil, err
	}
	return affordableMounter{mounter, p.owners}, nil
}

type affordableMounter struct {
	volume.Mounter
	owners owners
}

// SetUp implements volume.Mounter.
func (m affordableMounter) SetUp(args volume.MounterArgs) error {
	return m.Mounter.SetUp(m.owners.restrict(args))
}

// SetUpAt implements volume.Mounter.
func (m affordableMounter) SetUpAt(dir string, args volume.MounterArgs) error {
	return m.Mounter.SetUpAt(dir, m.owners.restrict(args))
}

func (o owners) restrict(args volume.MounterArgs) volume.MounterArgs {
	args.FsUser, args.FsGroup = o.users.keep(args.FsUser), o.groups.keep(args.FsGroup)
	return args
}
