package ontap

import "fmt"

// Codes that any call may answer with.
const (
	codeDuplicate    = "1"
	codeMissing      = "4"
	codeGeneral      = "13001" // ONTAPI's EAPIERROR
	codeNoAPI        = "3"
	codeUnexpected   = "262179"  // an argument that there is not
	codeNotSettable  = "262196"  // a field that this call cannot set
	codeInvalid      = "262197"  // a value that does not fit its field
	codeUnauthorized = "6691623" // no user, or a wrong password
)

// refusal is an answer that says no, as ONTAP writes it.
type refusal struct {
	status  int
	code    string
	message string
	target  string // the field that is to blame; may be empty
}

func (r *refusal) Error() string {
	if r.target == "" {
		return r.message
	}
	return r.target + ": " + r.message
}

func refuse(status int, code, target, format string, arguments ...any) error {
	return &refusal{status, code, fmt.Sprintf(format, arguments...), target}
}

func unexpected(name string) error {
	return refuse(400, codeUnexpected, name, "Unexpected argument %q.", name)
}

func invalid(name string, value any, want string) error {
	return refuse(400, codeInvalid, name, "The value %q is invalid for field %q (<%s>)", fmt.Sprint(value), name, want)
}

func missing(target string) error {
	return refuse(404, codeMissing, target, "entry doesn't exist")
}
