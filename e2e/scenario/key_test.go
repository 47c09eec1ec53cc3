package scenario

import "testing"

// A message is found again by what an EventSource logs of it, so the key must be the same whatever else the body holds.
func TestTheKeyIsTheMessageID(t *testing.T) {
	for body, want := range map[string]string{
		`{"message_id": "m"}`: "m",
		`{"oslo.message": "{\"message_id\": \"m\", \"n\": 1e400, \"big\": 123456789012345678901234567890}"}`: "m",
		`{"oslo.message": "{\"message_id\": \"m\", \"n\": 1e400}", "n": 1e400}`:                              "m",
	} {
		if got := BodyKey([]byte(body)); got != want {
			t.Errorf("%s has the key %s, want %s", body, got, want)
		}
	}
	for _, body := range []string{`{"oslo.message": "{\"message_id\": \"m\""}`, `{"oslo.message": "[]"}`, `{"oslo.message": 5}`, `not JSON`, `{"message_id": "m"} {}`, `{"message_id": 5}`, `null`} {
		if got := BodyKey([]byte(body)); len(got) != len("sha256:")+16 {
			t.Errorf("%s has the key %s", body, got)
		}
	}
	if BodyKey([]byte(`{"a": 1, "b": [1.0]}`)) != BodyKey([]byte(`{"b":[1.0],"a":1}`)) {
		t.Error("another order of keys makes another key")
	}
}
