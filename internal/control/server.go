package control

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/broker"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/random"
)

// largestTask bounds a scenario with the recordings that it sends.
const largestTask = 256 << 20

// Host is the rig that is served.
type Host interface {
	scenario.Rig
	Folder() string
	Versions() map[string]string
	Notes(ctx context.Context) []string
	RabbitMQCtl(ctx context.Context, arguments ...string) (broker.Answer, error)
	SaveArtifacts(folder string) error
}

// Server serves a rig.
type Server struct {
	host  Host
	token string
	http  *http.Server
	wg    sync.WaitGroup

	mu      sync.Mutex
	running map[string]context.CancelFunc // scenarios by the id of their task
}

// Serve begins to serve a rig and says in its folder how to reach it.
func Serve(host Host) (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, failure.New(failure.Environment, "", "listen for the rig's control: %w", err)
	}
	s := &Server{host: host, token: random.Hex(32), running: map[string]context.CancelFunc{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /rig", s.about)
	mux.HandleFunc("POST /scenarios", s.run)
	mux.HandleFunc("DELETE /scenarios/{id}", s.cancel)
	mux.HandleFunc("POST /rabbitmqctl", s.rabbitMQCtl)
	mux.HandleFunc("POST /artifacts", s.saveArtifacts)
	s.http = &http.Server{Handler: s.authorised(mux)}
	if err := (access{"http://" + listener.Addr().String(), s.token}).write(host.Folder()); err != nil {
		listener.Close()
		return nil, err
	}
	s.wg.Go(func() { _ = s.http.Serve(listener) }) // ends with Close
	return s, nil
}

// Close cancels what runs, waits until it is taken back, and stops serving.
func (s *Server) Close() error {
	s.mu.Lock()
	for _, cancel := range s.running {
		cancel()
	}
	s.running = nil
	s.mu.Unlock()
	err := s.http.Shutdown(context.Background()) // what runs is bounded by its own clean-up
	s.wg.Wait()
	if err != nil {
		return fmt.Errorf("close the rig's control: %w", err)
	}
	return nil
}

// authorised lets in who has the token: every user of the machine can reach loopback.
func (s *Server) authorised(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if subtle.ConstantTimeCompare([]byte(given), []byte(s.token)) != 1 {
			http.Error(w, "no or another token", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) about(w http.ResponseWriter, r *http.Request) {
	_ = json.NewEncoder(w).Encode(about{s.host.Versions(), s.host.Notes(r.Context())}) // only the client's going away can fail it
}

// read takes what is asked out of a request; where it cannot, the client is told and there is nothing more to do.
func read(w http.ResponseWriter, r *http.Request, what string, into any) bool {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestTask))
	if err == nil {
		err = decode(data, into)
	}
	if err != nil {
		http.Error(w, "read "+what+": "+err.Error(), http.StatusBadRequest)
	}
	return err == nil
}

// rabbitMQCtl runs rabbitmqctl; it is ended when the client goes away.
func (s *Server) rabbitMQCtl(w http.ResponseWriter, r *http.Request) {
	var asked command
	if !read(w, r, "the command", &asked) {
		return
	}
	answer, err := s.host.RabbitMQCtl(r.Context(), asked.Arguments...)
	_ = json.NewEncoder(w).Encode(said{answer, problemOf(err)}) // only the client's going away can fail it
}

// saveArtifacts puts what explains a run where who joined wants it: much of it only the rig's own process has.
func (s *Server) saveArtifacts(w http.ResponseWriter, r *http.Request) {
	var asked saving
	if !read(w, r, "where to save", &asked) {
		return
	}
	_ = json.NewEncoder(w).Encode(saved{problemOf(s.host.SaveArtifacts(asked.Folder))}) // only the client's going away can fail it
}

func (s *Server) cancel(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.running[r.PathValue("id")]; cancel != nil {
		cancel()
	}
	w.WriteHeader(http.StatusNoContent)
}

// run runs a scenario and tells of it until its result. It ends also when the client goes away.
func (s *Server) run(w http.ResponseWriter, r *http.Request) {
	var t task
	if !read(w, r, "the scenario", &t) {
		return
	}
	scenario.Normalize(&t.Scenario)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	s.mu.Lock()
	if s.running == nil {
		s.mu.Unlock()
		http.Error(w, "the rig is being taken down", http.StatusServiceUnavailable)
		return
	}
	s.running[t.ID] = cancel
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.running, t.ID)
	}()
	_ = http.NewResponseController(w).Flush() // tells the client that its id is known; only its going away can fail it
	teller := &teller{encoder: json.NewEncoder(w), flush: http.NewResponseController(w).Flush}
	told := scenario.Run(ctx, s.host, t.Scenario, scenario.Options{
		Seed: t.Seed, Attempt: t.Attempt, Explain: t.Explain,
		Waiting: func(open string) { teller.send(message{Waiting: open}) },
		Log:     func(format string, args ...any) { teller.send(message{Log: fmt.Sprintf(format, args...)}) },
	})
	teller.send(message{Result: &result{told, told.Timeline, told.Explained, problemOf(told.Err)}})
}

// teller writes lines that the client sees at once. A client that has gone is met by the request's context.
type teller struct {
	mu      sync.Mutex
	encoder *json.Encoder
	flush   func() error
	waiting string
}

func (t *teller) send(m message) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m.Waiting != "" && m.Waiting == t.waiting {
		return
	}
	t.waiting = m.Waiting
	_ = t.encoder.Encode(m)
	_ = t.flush()
}
