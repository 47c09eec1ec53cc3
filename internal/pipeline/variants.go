package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
)

// Variant is what the manifests are with some of a chart's switches turned.
type Variant struct {
	Chart    string   // the chart's name; empty for the manifests as the options give them
	Set      []string // the switches that differ from that: "enabled.nova=false"
	Graph    *Graph
	Problems []Problem // as Read returns them
}

// Name tells variants apart in messages.
func (v Variant) Name() string {
	if v.Chart == "" {
		return "as given"
	}
	return v.Chart + " with " + strings.Join(v.Set, ",")
}

// allSwitches is the number of switches up to which every combination of them is rendered.
const allSwitches = 6

// Variants reads as Read does, once as the options say and then again and again with the switches of each chart turned: its
// boolean values that are named "enabled" or lie below that name (nova.enabled, enabled.nova). Up to six switches give every
// combination; of more, each one is turned alone, all are on, all are off, and so many combinations follow that every two
// switches are seen in all four of their states together. Of several charts one is varied at a time. What does not depend
// on a chart's values is read once.
func Variants(ctx context.Context, options Options, paths ...string) []Variant {
	cache := map[string]part{}
	var charts []switches
	variants := []Variant{readVariant(ctx, options, cache, paths, func(from *helmChart, loaded *chart.Chart, values map[string]any) error {
		if all, err := chartutil.CoalesceValues(loaded, copyMap(values)); err == nil {
			if found := switchesOf(all.AsMap(), nil, false); len(found) > 0 {
				charts = append(charts, switches{from.folder, from.name, found})
			}
		}
		return nil
	})}
	for _, turned := range charts {
		for _, states := range combinations(turned.states()) {
			if ctx.Err() != nil {
				return variants
			}
			variant := readVariant(ctx, options, cache, paths, func(from *helmChart, _ *chart.Chart, values map[string]any) error {
				if from.folder == turned.folder {
					turned.turn(values, states)
				}
				return nil
			})
			variant.Chart = turned.name
			for i, s := range turned.list {
				if states[i] != s.on {
					variant.Set = append(variant.Set, fmt.Sprintf("%s=%t", strings.Join(s.path, "."), states[i]))
				}
			}
			variants = append(variants, variant)
		}
	}
	return variants
}

func readVariant(ctx context.Context, options Options, cache map[string]part, paths []string, vary func(*helmChart, *chart.Chart, map[string]any) error) Variant {
	loader := onDisk(ctx, options)
	loader.tolerant, loader.cache, loader.vary = true, cache, vary
	_ = loader.all(paths)
	graph, _ := loader.graph()
	return Variant{Graph: graph, Problems: append(loader.problems, graph.DecodeProblems()...)}
}

// switches are a chart's.
type switches struct {
	folder, name string
	list         []chartSwitch
}

type chartSwitch struct {
	path []string
	on   bool
}

func (s switches) states() []bool {
	states := make([]bool, len(s.list))
	for i := range s.list {
		states[i] = s.list[i].on
	}
	return states
}

// turn sets the switches in values; maps that it goes through are copied, because charts share them.
func (s switches) turn(values map[string]any, states []bool) {
	for i, turned := range s.list {
		at := values
		for _, name := range turned.path[:len(turned.path)-1] {
			inner, _ := at[name].(map[string]any)
			inner = maps.Clone(inner)
			if inner == nil {
				inner = map[string]any{}
			}
			at[name] = inner
			at = inner
		}
		at[turned.path[len(turned.path)-1]] = states[i]
	}
}

func switchesOf(values map[string]any, path []string, below bool) []chartSwitch {
	var found []chartSwitch
	for _, name := range sortedKeys(values) {
		if name == chartutil.GlobalKey && len(path) == 0 {
			continue
		}
		inner := append(slices.Clip(path), name)
		counts := below || name == "enabled"
		switch value := values[name].(type) {
		case bool:
			if counts {
				found = append(found, chartSwitch{inner, value})
			}
		case map[string]any:
			found = append(found, switchesOf(value, inner, counts)...)
		}
	}
	return found
}

// combinations returns states of switches to try besides the given one.
func combinations(given []bool) [][]bool {
	var all [][]bool
	seen := map[string]bool{fmt.Sprint(given): true}
	add := func(states []bool) {
		if key := fmt.Sprint(states); !seen[key] {
			seen[key] = true
			all = append(all, slices.Clone(states))
		}
	}
	if len(given) <= allSwitches {
		for bits := range 1 << len(given) {
			states := make([]bool, len(given))
			for i := range states {
				states[i] = bits&(1<<i) != 0
			}
			add(states)
		}
		return all
	}
	for i := range given {
		states := slices.Clone(given)
		states[i] = !states[i]
		add(states)
	}
	on := make([]bool, len(given))
	add(on)
	for i := range on {
		on[i] = true
	}
	add(on)
	for _, states := range pairwise(len(given), append([][]bool{given}, all...)) {
		add(states)
	}
	return all
}

// pair is two switches with a state each.
type pair struct {
	i, j int
	a, b bool
}

// pairwise returns states such that, with those that there are, every two switches have been in all four states together.
func pairwise(n int, tried [][]bool) [][]bool {
	open := map[pair]bool{}
	for i := range n {
		for j := i + 1; j < n; j++ {
			for k := range 4 {
				open[pair{i, j, k&1 != 0, k&2 != 0}] = true
			}
		}
	}
	cover := func(states []bool) {
		for i := range n {
			for j := i + 1; j < n; j++ {
				delete(open, pair{i, j, states[i], states[j]})
			}
		}
	}
	for _, states := range tried {
		cover(states)
	}
	var more [][]bool
	for len(open) > 0 {
		states := make([]bool, n)
		var first pair
		for candidate := range open {
			if first.j == 0 || candidate.less(first) {
				first = candidate
			}
		}
		// The first open pair is set; each other switch then takes the state that closes most pairs with those before it.
		order := []int{first.i, first.j}
		states[first.i], states[first.j] = first.a, first.b
		for k := range n {
			if k == first.i || k == first.j {
				continue
			}
			gain := func(state bool) (count int) {
				for _, other := range order {
					p := pair{other, k, states[other], state}
					if other > k {
						p = pair{k, other, state, states[other]}
					}
					if open[p] {
						count++
					}
				}
				return count
			}
			states[k] = gain(true) > gain(false)
			order = append(order, k)
		}
		cover(states)
		more = append(more, states)
	}
	return more
}

func (p pair) less(q pair) bool {
	for _, d := range []int{p.i - q.i, p.j - q.j, bit(p.a) - bit(q.a), bit(p.b) - bit(q.b)} {
		if d != 0 {
			return d < 0
		}
	}
	return false
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
