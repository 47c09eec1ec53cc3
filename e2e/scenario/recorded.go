package scenario

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Recorded is a message as it lay in a queue, with its route as far as the recording tells.
type Recorded struct {
	VHost      string `json:"vhost,omitempty"`
	Exchange   string `json:"exchange,omitempty"`
	RoutingKey string `json:"routing_key,omitempty"`
	Body       []byte `json:"body"`
}

// managed is a message as RabbitMQ's management API returns it (POST /api/queues/VHOST/QUEUE/get), and with it
// rabbitmqadmin.
type managed struct {
	VHost      string  `json:"vhost"`
	Exchange   string  `json:"exchange"`
	RoutingKey string  `json:"routing_key"`
	Payload    *string `json:"payload"`
	Encoding   string  `json:"payload_encoding"`
}

// ReadRecorded reads a recording: one message, JSON Lines of messages, or messages as RabbitMQ's management API returns
// them, one by one or as a list. A body is kept byte for byte, but for white space around it.
func ReadRecorded(data []byte) ([]Recorded, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	var found []Recorded
	for {
		var one json.RawMessage
		err := decoder.Decode(&one)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			at := int64(len(data)) // where it ends too soon
			var syntax *json.SyntaxError
			if errors.As(err, &syntax) {
				at = min(syntax.Offset, at)
			}
			return nil, fmt.Errorf("line %d: not JSON: %w", 1+bytes.Count(bytes.TrimRight(data[:at], "\n"), []byte("\n")), err)
		}
		line := 1 + bytes.Count(data[:decoder.InputOffset()], []byte("\n"))
		messages, err := recordedIn(one)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		found = append(found, messages...)
	}
	if len(found) == 0 {
		return nil, errors.New("it holds no message")
	}
	return found, nil
}

func recordedIn(value json.RawMessage) ([]Recorded, error) {
	switch value[0] {
	case '[':
		var list []json.RawMessage
		if err := json.Unmarshal(value, &list); err != nil {
			return nil, fmt.Errorf("read a list of messages: %w", err)
		}
		var all []Recorded
		for i, item := range list {
			messages, err := recordedIn(item)
			if err != nil {
				return nil, fmt.Errorf("message %d of the list: %w", i+1, err)
			}
			all = append(all, messages...)
		}
		return all, nil
	case '{':
	default:
		return nil, fmt.Errorf("a message is an object, not %.40s", value)
	}
	var m managed
	if err := json.Unmarshal(value, &m); err != nil || m.Payload == nil || m.RoutingKey == "" {
		return []Recorded{{Body: value}}, nil // the message itself, whatever its fields are
	}
	one := Recorded{VHost: m.VHost, Exchange: m.Exchange, RoutingKey: m.RoutingKey, Body: []byte(*m.Payload)}
	if m.Encoding == "base64" {
		body, err := base64.StdEncoding.DecodeString(*m.Payload)
		if err != nil {
			return nil, fmt.Errorf("decode its payload: %w", err)
		}
		one.Body = body
	}
	return []Recorded{one}, nil
}
