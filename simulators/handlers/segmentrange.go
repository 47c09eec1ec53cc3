package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

const segmentRangeLogger = "understack_workflows.main.sync_network_segment_range"

// Neutron's events for segment ranges.
const (
	rangeCreated = "network_segment_range.create.end"
	rangeUpdated = "network_segment_range.update.end"
	rangeDeleted = "network_segment_range.delete.end"
)

func isInteger(text string) error {
	if _, err := strconv.Atoi(strings.TrimSpace(text)); err != nil {
		return fmt.Errorf("invalid int value: '%s'", text)
	}
	return nil
}

func anything(string) error { return nil }

// rangeSync is one run of sync-network-segment-range.
type rangeSync struct {
	nautobot           nautobotClient
	event, id, segment string
	group              object
}

// syncSegmentRange is `sync-network-segment-range EVENT NAME TYPE ID MIN MAX`. Nautobot's UCVNI group, named as the range,
// holds all ranges in one field; which part of it is whose stands in notes that have the ranges' ids.
func syncSegmentRange(ctx context.Context, s Surroundings, arguments []string) int {
	events := []string{rangeCreated, rangeUpdated, rangeDeleted}
	values, code, done := s.arguments(parser{
		program: "sync-network-segment-range", description: "Handle Network Segment Range Events", options: nautobotOptions,
		positionals: []positional{
			{name: "event", shown: "{" + strings.Join(events, ",") + "}", check: oneOf("SegmentRangeEvent", events)},
			{name: "segment_name", shown: "segment_name", check: anything},
			{name: "network_type", shown: "network_type", check: anything},
			{name: "segment_range_id", shown: "segment_range_id", check: anything},
			{name: "segment_min_range", shown: "segment_min_range", check: isInteger},
			{name: "segment_max_range", shown: "segment_max_range", check: isInteger},
		},
	}, arguments)
	if done {
		return code
	}
	client, err := s.nautobot(values)
	if err != nil {
		return s.crash(err)
	}
	low, _ := strconv.Atoi(strings.TrimSpace(values["segment_min_range"])) // checked by the parser
	high, _ := strconv.Atoi(strings.TrimSpace(values["segment_max_range"]))
	r := rangeSync{nautobot: client, event: values["event"], id: values["segment_range_id"], segment: fmt.Sprintf("%d-%d", low, high)}
	if r.group, err = client.detail(ctx, "plugins/undercloud-vni/ucvni-groups", values["segment_name"]); err != nil {
		return s.crash(err)
	}
	if r.group == nil {
		s.logf(segmentRangeLogger, "ERROR", "No UCVNI group found for segment {'%s'}", values["segment_name"])
		return 1
	}
	changed, err := r.sync(ctx)
	if err != nil {
		return s.crash(err)
	}
	if !changed {
		return 1 // nothing to change counts as a failure of the API
	}
	return 0
}

func (r rangeSync) sync(ctx context.Context) (changed bool, err error) {
	before, _ := r.group["range"].(string)
	var ranges []string
	if before != "" {
		ranges = strings.Split(before, ",")
	}
	if r.event != rangeCreated {
		if ranges, err = r.without(ctx, ranges); err != nil {
			return false, err
		}
	}
	if r.event != rangeDeleted {
		ranges = append(ranges, r.segment)
	}
	after := strings.Join(ranges, ",")
	if after == before {
		return false, nil
	}
	const groups, notes = "plugins/undercloud-vni/ucvni-groups", "extras/notes"
	group := fmt.Sprint(r.group["id"])
	if err := r.nautobot.do(ctx, http.MethodPatch, r.nautobot.endpoint(groups+"/"+group), object{"range": after}, nil); err != nil {
		return false, err
	}
	switch r.event {
	case rangeCreated:
		_, err = r.nautobot.create(ctx, groups+"/"+group+"/notes", object{"id": r.id, "note": r.segment})
	case rangeUpdated:
		err = r.nautobot.do(ctx, http.MethodPatch, r.nautobot.endpoint(notes+"/"+r.id), object{"note": r.segment}, nil)
	default:
		err = r.nautobot.do(ctx, http.MethodDelete, r.nautobot.endpoint(notes), []object{{"id": r.id}}, nil)
	}
	return true, err
}

// without takes what the range's note says out of the ranges; what overlaps it is cut.
func (r rangeSync) without(ctx context.Context, ranges []string) ([]string, error) {
	note, err := r.nautobot.detail(ctx, "extras/notes", r.id)
	if err != nil {
		return nil, err
	}
	if note == nil {
		return nil, errors.New("AttributeError: 'NoneType' object has no attribute 'note'")
	}
	text, _ := note["note"].(string)
	from, to, ok := bounds(text)
	if !ok {
		return ranges, nil // a note that says something else
	}
	var kept []string
	for _, one := range ranges {
		start, end, ok := bounds(one)
		switch {
		case !ok:
			return nil, fmt.Errorf("ValueError: range %q of the UCVNI group is no pair of numbers", one)
		case end < from || start > to:
			kept = append(kept, one)
		default:
			if start < from {
				kept = append(kept, fmt.Sprintf("%d-%d", start, from-1))
			}
			if end > to {
				kept = append(kept, fmt.Sprintf("%d-%d", to+1, end))
			}
		}
	}
	return kept, nil
}

func bounds(text string) (low, high int, ok bool) {
	first, last, found := strings.Cut(text, "-")
	low, err := strconv.Atoi(strings.TrimSpace(first))
	high, errLast := strconv.Atoi(strings.TrimSpace(last))
	return low, high, found && err == nil && errLast == nil
}
