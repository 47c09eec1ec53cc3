package network

import "testing"

func TestPoolHandsOutEachAddressOnceAndReusesLate(t *testing.T) {
	p, err := newPool("10.244.1.0/29")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	first, err := p.take()
	if err != nil {
		t.Fatal(err)
	}
	seen[first.String()] = true
	for range 4 {
		ip, err := p.take()
		if err != nil {
			t.Fatal(err)
		}
		if seen[ip.String()] {
			t.Fatalf("%s was handed out twice", ip)
		}
		seen[ip.String()] = true
	}
	for _, reserved := range []string{"10.244.1.0", "10.244.1.1", "10.244.1.7"} {
		if seen[reserved] {
			t.Errorf("%s is not a pod's address", reserved)
		}
	}
	if ip, err := p.take(); err == nil {
		t.Fatalf("an exhausted pool gave %s", ip)
	}
	p.free(first)
	if ip, err := p.take(); err != nil || !ip.Equal(first) {
		t.Fatalf("after freeing %s: %s, %v", first, ip, err)
	}
}

func TestPoolKeepsAFreedAddressForLast(t *testing.T) {
	p, err := newPool("10.244.1.0/24")
	if err != nil {
		t.Fatal(err)
	}
	first, err := p.take()
	if err != nil {
		t.Fatal(err)
	}
	p.free(first)
	if again, err := p.take(); err != nil || again.Equal(first) {
		t.Fatalf("the address just freed came back at once: %s, %v", again, err)
	}
}

func TestPoolRefusesWhatIsNoRange(t *testing.T) {
	for _, cidr := range []string{"", "10.0.0.0", "10.0.0.0/31", "fd00::/64"} {
		if _, err := newPool(cidr); err == nil {
			t.Errorf("%q was accepted", cidr)
		}
	}
}
