package service

import (
	"net/netip"
	"slices"
	"testing"
)

func TestClientsStayWithTheirEndpoint(t *testing.T) {
	endpoints := addresses("10.244.1.2:80", "10.244.1.3:80", "10.244.1.4:80", "10.244.1.5:80")
	before := groupClients(endpoints)
	share := map[netip.AddrPort]int{}
	for _, endpoint := range before {
		share[endpoint]++
	}
	for _, endpoint := range endpoints {
		if n := share[endpoint]; n < 2 || n > clientGroups/2 {
			t.Errorf("%s has %d of %d groups", endpoint, n, clientGroups)
		}
	}
	gone := endpoints[1]
	for group, now := range groupClients(slices.Delete(slices.Clone(endpoints), 1, 2)) {
		if now != before[group] && before[group] != gone {
			t.Errorf("group %d moved from %s to %s although only %s has gone", group, before[group], now, gone)
		}
	}
	if only := groupClients(endpoints[:1]); only[0] != endpoints[0] || only[clientGroups-1] != endpoints[0] {
		t.Errorf("one endpoint: %v", only)
	}
}
