package nautobot

import "net/http"

// faulty writes what Nautobot answers with a status that a fault rule asks for: an unhandled exception as Nautobot reports
// it (nautobot/core/api/views.py, rest_api_server_error), every other status as Django REST Framework words it.
func faulty(w http.ResponseWriter, _ *http.Request, status int) {
	body := map[string]any{"detail": detailOf(status)}
	if status == http.StatusInternalServerError {
		body = map[string]any{
			"error": "injected by a fault rule", "exception": "Exception",
			"nautobot_version": Version, "python_version": "3.12.12",
		}
	}
	answer(w, 0, nil, &refusal{status: status, body: body})
}

// detailOf is the default detail of Django REST Framework's exception for a status (rest_framework/exceptions.py).
func detailOf(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "Malformed request."
	case http.StatusUnauthorized:
		return "Incorrect authentication credentials."
	case http.StatusForbidden:
		return "You do not have permission to perform this action."
	case http.StatusNotFound:
		return "Not found."
	case http.StatusTooManyRequests:
		return "Request was throttled."
	}
	return http.StatusText(status)
}
