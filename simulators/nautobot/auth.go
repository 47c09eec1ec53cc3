package nautobot

import (
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/eventrig/eventrig/simulators/internal/journal"
)

// authenticate answers as DRF does when SessionAuthentication comes first: it knows no challenge, so what would be a
// 401 is a 403 (core/api/authentication.py). It expects the lock.
func (s *Server) authenticate(r *http.Request) (actor, error) {
	forbidden := func(detail string) (actor, error) {
		return actor{}, &refusal{status: http.StatusForbidden, body: map[string]any{"detail": detail}}
	}
	header := r.Header.Get("Authorization")
	key, ok := strings.CutPrefix(header, "Token ")
	if !ok || strings.ContainsAny(key, " \t") || key == "" {
		words := strings.Fields(header)
		switch {
		case len(words) == 0 || !strings.EqualFold(words[0], "token"):
			return forbidden("Authentication credentials were not provided.")
		case len(words) == 1:
			return forbidden("Invalid token header. No credentials provided.")
		case len(words) > 2:
			return forbidden("Invalid token header. Token string should not contain spaces.")
		}
		key = words[1]
	}
	tokens := s.store.tables["users/tokens"]
	g := tokens.where(tokens.model.field("key"), key)
	if g.len() == 0 {
		return forbidden("Invalid token")
	}
	token := g.at(0)
	if expires := tokens.model.text(token, "expires"); expires != "" && expires <= s.timestamp() {
		return forbidden("Token expired")
	}
	users, user := s.store.follow(tokens.model, token, "user")
	if user == nil {
		return forbidden("Invalid token")
	}
	if active, _ := users.get(user, "is_active").(bool); !active {
		return forbidden("User inactive")
	}
	who := actor{userID: user.id, userName: users.text(user, "username"), requestID: journal.RequestID(r.Context())}
	journal.Who(r.Context(), who.userName)
	write, _ := tokens.model.get(token, "write_enabled").(bool)
	if safe := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions; !safe && !write {
		return forbidden("You do not have permission to perform this action.")
	}
	return who, nil
}

// deriveToken draws the key of a new token (users/models.py Token.generate_key) and gives it to whoever makes it.
func deriveToken(w *writer) {
	if w.old != nil {
		return
	}
	if w.text("key") == "" {
		key := make([]byte, 20)
		for i := range key {
			key[i] = byte(w.s.random.Uint32())
		}
		w.m.set(w.r, "key", hex.EncodeToString(key))
	}
	if w.value("user") == nil && w.actor.userID != "" {
		w.m.set(w.r, "user", w.actor.userID)
	}
	w.m.set(w.r, "created", w.s.timestamp())
}
