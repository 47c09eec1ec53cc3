package rig

import "github.com/eventrig/eventrig/internal/images"

// servePulls pulls images of registries for the node, which has no network to the outside.
func (r *Rig) servePulls(catalogue *images.Catalogue) error {
	end, err := catalogue.ServePulls(&images.Builder{Log: r.options.Log}, r.folder)
	if err != nil {
		return err
	}
	r.onClose(end)
	return nil
}
