// Package faults makes a simulator misbehave on purpose: an error status, a delay, a dropped connection, a slow or a
// truncated body, for the requests that a rule matches and as often as it says. In: rules and requests. Out: a fault
// instead of an answer, and how often each rule hit.
package faults

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Set is the rules in force; the first that hits decides. It is safe for concurrent use.
type Set struct {
	mu    sync.Mutex
	rules []*active
	drawn int // number of the last id that was made
}

// ErrUnknown is the error of Remove for an id that no rule has.
var ErrUnknown = errors.New("no fault has this id")

// Add puts a rule in force.
func (s *Set) Add(rule Rule) error {
	_, err := s.AddAll([]Rule{rule})
	return err
}

// AddAll puts rules in force, all of them or, with an error, none, and returns their ids.
func (s *Set) AddAll(rules []Rule) (ids []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, drawn := slices.Clone(s.rules), s.drawn
	for i, rule := range rules {
		id, err := s.add(rule)
		if err != nil {
			s.rules, s.drawn = before, drawn
			if len(rules) > 1 {
				err = fmt.Errorf("fault %d of %d: %w", i+1, len(rules), err)
			}
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func (s *Set) add(rule Rule) (string, error) {
	rule.Method = strings.ToUpper(rule.Method)
	if err := rule.check(); err != nil {
		return "", err
	}
	one := &active{State: State{Rule: rule}, query: map[string]*regexp.Regexp{}}
	var err error
	if one.path, err = whole("path", rule.Path); err != nil {
		return "", err
	}
	for name, expression := range rule.Query {
		if one.query[name], err = whole("query "+name, expression); err != nil {
			return "", err
		}
	}
	for one.ID == "" || (rule.ID == "" && s.find(one.ID) >= 0) {
		s.drawn++
		one.ID = fmt.Sprintf("fault-%d", s.drawn)
	}
	if s.find(one.ID) >= 0 {
		return "", fmt.Errorf("fault has id %q, which another one has", one.ID)
	}
	one.draw = rand.New(rand.NewPCG(rule.Seed, 0x6661756c74)).Float64
	s.rules = append(s.rules, one)
	return one.ID, nil
}

func (s *Set) find(id string) int {
	return slices.IndexFunc(s.rules, func(a *active) bool { return a.ID == id })
}

// Rules returns the rules that are in force and not exhausted.
func (s *Set) Rules() []Rule {
	rules := []Rule{}
	for _, state := range s.States() {
		if !state.Exhausted {
			rules = append(rules, state.Rule)
		}
	}
	return rules
}

// States returns all rules with what they did, in the order in which they are asked; exhausted ones stay until they are
// removed.
func (s *Set) States() []State {
	s.mu.Lock()
	defer s.mu.Unlock()
	states := make([]State, 0, len(s.rules))
	for _, rule := range s.rules {
		states = append(states, rule.State)
	}
	return states
}

// Remove removes one rule; its error wraps ErrUnknown when there is none with that id.
func (s *Set) Remove(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(id)
	if i < 0 {
		return fmt.Errorf("remove fault %q: %w", id, ErrUnknown)
	}
	s.rules = slices.Delete(s.rules, i, i+1)
	return nil
}

// Clear removes all rules.
func (s *Set) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = nil
}

// match returns the rule that hits a request.
func (s *Set) match(r *http.Request) (Rule, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rule := range s.rules {
		if !rule.Exhausted && rule.matches(r) && rule.hit() {
			return rule.Rule, true
		}
	}
	return Rule{}, false
}
