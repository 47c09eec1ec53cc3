package nautobot

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	loadedDevices    = 20_000
	loadedInterfaces = 4 // of each device: 100,000 records in all
)

// bigServer holds 20,000 devices with 4 interfaces each, besides what a world of one domain holds. It returns the bytes
// of memory that the records take.
func bigServer(b testing.TB) (s *Server, devices []string, interfaces []string, memory uint64) {
	b.Helper()
	s = loaded(b)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s.mu.Lock()
	t := &transaction{store: s.store}
	status := s.store.tables["extras/statuses"]
	active := status.where(status.model.field("name"), "Active").at(0).id
	template := s.store.find("dcim/devices", device1)
	m := s.schema.byPath["dcim/devices"]
	for i := range loadedDevices {
		device, err := s.create(t, m, map[string]any{
			"name": fmt.Sprintf("server-%05d", i), "status": active, "tenant": m.text(template, "tenant"), "serial": fmt.Sprintf("S%07d", i),
			"device_type": m.text(template, "device_type"), "location": m.text(template, "location"), "role": m.text(template, "role"),
		}, actor{}, false)
		if err != nil {
			b.Fatal(err)
		}
		devices = append(devices, device.id)
		for j := range loadedInterfaces {
			port, err := s.create(t, s.schema.byPath["dcim/interfaces"], map[string]any{
				"device": device.id, "name": fmt.Sprintf("eth%d", j), "type": "25gbase-x-sfp28", "status": active,
				"mac_address": fmt.Sprintf("02:00:%02X:%02X:%02X:%02X", i>>16, i>>8&255, i&255, j),
			}, actor{}, false)
			if err != nil {
				b.Fatal(err)
			}
			interfaces = append(interfaces, port.id)
		}
	}
	s.mu.Unlock()
	t.operations = nil
	runtime.GC()
	runtime.ReadMemStats(&after)
	return s, devices, interfaces, after.HeapAlloc - before.HeapAlloc
}

// drive sends b.N requests from several clients and reports their rate and how long they took.
func drive(b *testing.B, server *httptest.Server, request func(i int) (method, path, body string, status int)) {
	b.Helper()
	const clients = 8
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	var next atomic.Int64
	var mu sync.Mutex
	var all []time.Duration
	b.ResetTimer()
	started, used := time.Now(), cpuTime(b)
	var workers sync.WaitGroup
	for range clients {
		workers.Go(func() {
			var took []time.Duration
			var data bytes.Buffer // kept, so that the clients' garbage does not count as the server's
			for i := int(next.Add(1)); i <= b.N; i = int(next.Add(1)) {
				method, path, body, want := request(i)
				r, err := http.NewRequest(method, server.URL+path, strings.NewReader(body))
				if err != nil {
					b.Error(err)
					return
				}
				r.Header.Set("Authorization", "Token "+DefaultToken)
				r.Header.Set("Content-Type", "application/json")
				begun := time.Now()
				answer, err := client.Do(r)
				if err != nil {
					b.Error(err)
					return
				}
				data.Reset()
				_, err = data.ReadFrom(answer.Body)
				took = append(took, time.Since(begun))
				if answer.Body.Close(); err != nil || answer.StatusCode != want {
					b.Errorf("%s %s: %d %v: %.300s", method, path, answer.StatusCode, err, data.Bytes())
					return
				}
			}
			mu.Lock()
			all = append(all, took...)
			mu.Unlock()
		})
	}
	workers.Wait()
	elapsed := time.Since(started)
	used = cpuTime(b) - used
	b.StopTimer()
	if len(all) == 0 {
		return
	}
	slices.Sort(all)
	at := func(part float64) float64 {
		return float64(all[min(len(all)-1, int(part*float64(len(all))))].Microseconds()) / 1000
	}
	b.ReportMetric(float64(len(all))/elapsed.Seconds(), "req/s")
	// Of server and clients together: on a machine that does something else besides, this says what an idle one can do.
	b.ReportMetric(float64(used.Microseconds())/float64(len(all)), "cpu-µs/req")
	b.ReportMetric(at(0.5), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkLoaded is how fast a Nautobot with 100,000 devices and interfaces answers over HTTP on loopback.
func BenchmarkLoaded(b *testing.B) {
	s, devices, interfaces, memory := bigServer(b)
	server := httptest.NewServer(s)
	defer server.Close()
	for _, c := range []struct {
		name    string
		request func(i int) (string, string, string, int)
	}{
		{"GET-detail", func(i int) (string, string, string, int) {
			return "GET", "/api/dcim/devices/" + devices[i*7919%len(devices)] + "/", "", 200
		}},
		{"GET-by-name", func(i int) (string, string, string, int) {
			return "GET", fmt.Sprintf("/api/dcim/devices/?name=server-%05d", i*7919%len(devices)), "", 200
		}},
		{"GET-interfaces-of-device", func(i int) (string, string, string, int) {
			return "GET", "/api/dcim/interfaces/?device_id=" + devices[i*7919%len(devices)] + "&name=eth1", "", 200
		}},
		{"GET-page-of-50", func(i int) (string, string, string, int) {
			return "GET", fmt.Sprintf("/api/dcim/interfaces/?limit=50&offset=%d", i*7919%len(interfaces)), "", 200
		}},
		{"PATCH", func(i int) (string, string, string, int) {
			return "PATCH", "/api/dcim/interfaces/" + interfaces[i*7919%len(interfaces)] + "/", fmt.Sprintf(`{"description":"load %d"}`, i), 200
		}},
		{"POST", func(i int) (string, string, string, int) {
			return "POST", "/api/dcim/interfaces/", fmt.Sprintf(`{"device":"%s","name":"load%d-%d","type":"lag","status":"Active"}`, devices[i*7919%len(devices)], i, time.Now().UnixNano()), 201
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			drive(b, server, c.request)
			b.ReportMetric(float64(memory)/(1<<20), "MiB-of-records")
		})
	}
}
