package scenario

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Key returns the key under which the ledger has a message.
func Key(p Published) string {
	if p.MessageID != "" {
		return p.MessageID
	}
	return BodyKey(p.Body)
}

// BodyKey returns the key of a body: the message_id in it, bare or in an oslo envelope, or a digest of a body that has
// none. The digest is that of the sorted JSON, because an EventSource writes JSON bodies anew.
func BodyKey(body []byte) string {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) == nil && !decoder.More() {
		if id := messageID(value); id != "" {
			return id
		}
		if sorted, err := json.Marshal(value); err == nil {
			body = sorted
		}
	}
	digest := sha256.Sum256(body)
	return "sha256:" + hex.EncodeToString(digest[:8])
}

func messageID(value any) string {
	fields, ok := value.(map[string]any)
	if !ok {
		return ""
	}
	if inner, ok := fields["oslo.message"].(string); ok {
		var message map[string]any
		if json.Unmarshal([]byte(inner), &message) != nil {
			return ""
		}
		fields = message
	}
	id, _ := fields["message_id"].(string)
	return id
}
