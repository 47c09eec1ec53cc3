package scenario

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
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
	if value, err := decode(body); err == nil {
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

// decode reads JSON whose numbers may be of any size.
func decode(data []byte) (value any, err error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err = decoder.Decode(&value); err == nil && decoder.More() {
		err = errors.New("more follows")
	}
	return value, err
}

func messageID(value any) string {
	fields, ok := value.(map[string]any)
	if !ok {
		return ""
	}
	if inner, ok := fields["oslo.message"].(string); ok {
		message, err := decode([]byte(inner))
		if fields, ok = message.(map[string]any); err != nil || !ok {
			return ""
		}
	}
	id, _ := fields["message_id"].(string)
	return id
}
