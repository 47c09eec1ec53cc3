package openstack_test

import (
	"net/http"
	"testing"

	cloud "github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumetypes"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/flavors"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/subnets"

	"github.com/eventrig/eventrig/simulators/openstack"
)

func TestServers(t *testing.T) {
	s, url := start(t, openstack.Config{})
	p := provider(t, url)
	network := client(t, p, cloud.NewNetworkV2)
	lab, err := networks.Create(t.Context(), network, networks.CreateOpts{Name: "lab"}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := subnets.Create(t.Context(), network, subnets.CreateOpts{NetworkID: lab.ID, CIDR: "10.0.0.0/24", IPVersion: 4}).Extract(); err != nil {
		t.Fatal(err)
	}
	c := client(t, p, cloud.NewComputeV2)
	c.Microversion = "2.79"
	pages, err := flavors.ListDetail(c, nil).AllPages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all, err := flavors.ExtractFlavors(pages)
	if err != nil || len(all) != 1 || all[0].RAM != 131072 {
		t.Fatalf("flavors: %+v, %v", all, err)
	}
	made, err := servers.Create(t.Context(), c, servers.CreateOpts{Name: "s1", FlavorRef: all[0].ID, Metadata: map[string]string{"storage": "wanted"},
		Networks: []servers.Network{{UUID: lab.ID}}}, nil).Extract()
	if err != nil {
		t.Fatal(err)
	}
	found, err := servers.Get(t.Context(), c, made.ID).Extract()
	if err != nil || found.Status != "ACTIVE" || found.Metadata["storage"] != "wanted" || found.Addresses["lab"] == nil || found.Flavor["original_name"] != "baremetal.small" {
		t.Errorf("%+v, %v", found, err)
	}
	if _, err := servers.UpdateMetadata(t.Context(), c, made.ID, servers.MetadataOpts{"a": "b"}).Extract(); err != nil {
		t.Error(err)
	}
	if err := servers.Stop(t.Context(), c, made.ID).ExtractErr(); err != nil {
		t.Error(err)
	}
	is(t, servers.Stop(t.Context(), c, made.ID).ExtractErr(), http.StatusConflict, "Cannot 'stop' instance "+made.ID+" while it is in vm_state stopped")
	if pages, err = servers.List(c, servers.ListOpts{Status: "SHUTOFF"}).AllPages(t.Context()); err != nil {
		t.Fatal(err)
	}
	if stopped, err := servers.ExtractServers(pages); err != nil || len(stopped) != 1 {
		t.Errorf("stopped servers: %+v, %v", stopped, err)
	}
	_, err = servers.Create(t.Context(), c, servers.CreateOpts{Name: "s2", FlavorRef: "nothing"}, nil).Extract()
	is(t, err, http.StatusBadRequest, "Flavor nothing could not be found.")
	if err := servers.Delete(t.Context(), c, made.ID).ExtractErr(); err != nil {
		t.Error(err)
	}
	_, err = servers.Get(t.Context(), c, made.ID).Extract()
	is(t, err, http.StatusNotFound, `{"itemNotFound":{"code":404,"message":"Instance `+made.ID+` could not be found."}}`)
	if left := s.Records("network/ports", nil); len(left) > 0 {
		t.Errorf("a deleted server left %v", left)
	}
	for version, want := range map[string]int{"2.96": 200, "2.97": 406, "3.0": 406, "two": 400, "latest": 200} {
		r := request(t, p, "GET", url+"/compute/v2.1/servers", "")
		r.Header.Set("OpenStack-API-Version", "compute "+version)
		if status, body, _ := do(t, r); status != want {
			t.Errorf("version %s: %d %s, want %d", version, status, body, want)
		}
	}
}

func TestVolumes(t *testing.T) {
	s, url := start(t, openstack.Config{})
	c := client(t, provider(t, url), cloud.NewBlockStorageV3)
	private := false
	gold, err := volumetypes.Create(t.Context(), c, volumetypes.CreateOpts{Name: "gold", IsPublic: &private, ExtraSpecs: map[string]string{"netapp:flexvol_size": "10GB"}}).Extract()
	if err != nil || gold.IsPublic || gold.ExtraSpecs["netapp:flexvol_size"] != "10GB" {
		t.Fatalf("%+v, %v", gold, err)
	}
	project := s.Records("projects", map[string]any{"name": "admin"})[0]["id"].(string)
	if err := volumetypes.AddAccess(t.Context(), c, gold.ID, volumetypes.AddAccessOpts{Project: project}).ExtractErr(); err != nil {
		t.Error(err)
	}
	is(t, volumetypes.AddAccess(t.Context(), c, gold.ID, volumetypes.AddAccessOpts{Project: project}).ExtractErr(), http.StatusConflict, "combination already exists")
	pages, err := volumetypes.ListAccesses(c, gold.ID).AllPages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if found, err := volumetypes.ExtractAccesses(pages); err != nil || len(found) != 1 || found[0].ProjectID != project {
		t.Errorf("%+v, %v", found, err)
	}
	volume, err := volumes.Create(t.Context(), c, volumes.CreateOpts{Name: "v", Size: 2, VolumeType: "gold"}, nil).Extract()
	if err != nil || volume.Status != "creating" {
		t.Fatalf("%+v, %v", volume, err)
	}
	if volume, err = volumes.Get(t.Context(), c, volume.ID).Extract(); err != nil || volume.Status != "available" {
		t.Errorf("%+v, %v", volume, err)
	}
	is(t, volumetypes.Delete(t.Context(), c, gold.ID).ExtractErr(), http.StatusBadRequest, "Target volume type is still in use.")
	_, err = volumes.Create(t.Context(), c, volumes.CreateOpts{Size: 1, VolumeType: "tin"}, nil).Extract()
	is(t, err, http.StatusNotFound, "Volume type with name tin could not be found.")
	if err := volumes.ExtendSize(t.Context(), c, volume.ID, volumes.ExtendSizeOpts{NewSize: 3}).ExtractErr(); err != nil {
		t.Error(err)
	}
	if err := volumes.Delete(t.Context(), c, volume.ID, nil).ExtractErr(); err != nil {
		t.Error(err)
	}
	if err := volumetypes.RemoveAccess(t.Context(), c, gold.ID, volumetypes.RemoveAccessOpts{Project: project}).ExtractErr(); err != nil {
		t.Error(err)
	}
	if err := volumetypes.Delete(t.Context(), c, gold.ID).ExtractErr(); err != nil {
		t.Error(err)
	}
}

func TestImages(t *testing.T) {
	_, url := start(t, openstack.Config{})
	c := client(t, provider(t, url), cloud.NewImageV2)
	made, err := images.Create(t.Context(), c, images.CreateOpts{Name: "noble", DiskFormat: "qcow2", ContainerFormat: "bare"}).Extract()
	if err != nil || made.Status != images.ImageStatusQueued {
		t.Fatalf("%+v, %v", made, err)
	}
	pages, err := images.List(c, images.ListOpts{Name: "noble"}).AllPages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if found, err := images.ExtractImages(pages); err != nil || len(found) != 1 {
		t.Errorf("%+v, %v", found, err)
	}
	_, err = images.Create(t.Context(), c, images.CreateOpts{Name: "x", DiskFormat: "floppy"}).Extract()
	is(t, err, http.StatusBadRequest, "is not one of")
	if err := images.Delete(t.Context(), c, made.ID).ExtractErr(); err != nil {
		t.Error(err)
	}
	_, err = images.Get(t.Context(), c, made.ID).Extract()
	is(t, err, http.StatusNotFound, "No image found with ID "+made.ID)
}
