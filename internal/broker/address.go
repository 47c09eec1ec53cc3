package broker

import (
	"net/url"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eventrig/eventrig/internal/failure"
)

// Address returns the AMQP URL that a user gave, with the virtual host of a service where it names none, and the virtual
// host that it then names. flag is how the user gave it, for the error.
func Address(flag, raw, vhost string) (address, to string, err error) {
	parsed, err := url.Parse(raw)
	if err == nil {
		_, err = amqp.ParseURI(raw)
	}
	if err != nil {
		return "", "", failure.New(failure.BadInput, "amqp://USER:PASSWORD@HOST:PORT, with /VHOST where it differs from the service's",
			"read %s: %w", flag, err)
	}
	if parsed.Path == "" || parsed.Path == "/" {
		parsed.Path, parsed.RawPath = "/"+vhost, "/"+url.PathEscape(vhost)
	}
	return parsed.String(), strings.TrimPrefix(parsed.Path, "/"), nil
}
