package message

// Wire makes an event of a body as it lies on the wire. Unlike with a file's text, whatever it is counts as the body:
// nothing is taken for a recording of another message. Form is what the body is: Envelope, Notification or Body.
func Wire(body []byte) Event {
	event := Event{Raw: body, Data: body}
	event.content()
	event.Form = event.Content
	return event
}
