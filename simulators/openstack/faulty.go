package openstack

import "net/http"

// faulty writes what a service answers with a status that a fault rule asks for.
func (s *Server) faulty(w http.ResponseWriter, r *http.Request, status int) {
	s.services[s.serviceOf(r)].Refuse(w, r, status)
}
