package journal

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// whoOf says whose a request is by its headers: the user of basic authentication, or the kind of a token and how it
// begins. The whole of a secret does not go into a journal.
func whoOf(header http.Header) string {
	kind, credentials, _ := strings.Cut(header.Get("Authorization"), " ")
	switch {
	case strings.EqualFold(kind, "basic"):
		pair, err := base64.StdEncoding.DecodeString(strings.TrimSpace(credentials))
		if err != nil {
			return "basic, malformed"
		}
		user, _, _ := strings.Cut(string(pair), ":")
		return user
	case kind != "":
		return strings.ToLower(kind) + " " + beginning(strings.TrimSpace(credentials))
	}
	if token := header.Get("X-Auth-Token"); token != "" {
		return "token " + beginning(token)
	}
	return ""
}

// beginning tells tokens from one another without giving one away: at most six letters, and at most a quarter.
func beginning(secret string) string {
	return secret[:min(6, len(secret)/4)] + "…"
}
