package nautobot

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/eventrig/eventrig/internal/jsonvalue"
)

// convert turns what a client sent into what is stored, or says in Nautobot's words why not. The value is not null.
func (w *writer) convert(f *field, value any) (stored any, message string) {
	switch f.kind {
	case text:
		return convertText(f, value)
	case integer:
		return convertInteger(f, value)
	case decimal:
		return convertDecimal(f, value)
	case float:
		number, err := strconv.ParseFloat(plain(value), 64)
		if err != nil {
			return nil, "A valid number is required."
		}
		return number, ""
	case boolean:
		return convertBoolean(value)
	case date, datetime:
		return convertTime(f, value)
	case choiceOf:
		return convertChoice(f, value)
	case choiceList:
		return convertList(value, func(item any) (string, string) {
			stored, message := convertChoice(f, item)
			words, _ := stored.(string)
			return words, message
		})
	case related:
		id, message := w.resolve(f, value)
		if message != "" {
			return nil, message
		}
		return id, ""
	case relatedList:
		return convertList(value, func(item any) (string, string) { return w.resolve(f, item) })
	case contentType:
		kind, message := w.contentType(value)
		if message != "" {
			return nil, message
		}
		return kind, ""
	case contentTypes:
		return convertList(value, w.contentType)
	case generic, identifier:
		id, err := uuid.Parse(plain(value))
		if err != nil {
			return nil, "Must be a valid UUID."
		}
		return id.String(), ""
	case address:
		return convertAddress(value)
	case mac:
		return convertMAC(f, value)
	default:
		return jsonvalue.Clone(value), ""
	}
}

// plain writes a scalar as Python's str() does, near enough for messages and comparisons.
func plain(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case json.Number:
		return value.String()
	case int64:
		return strconv.FormatInt(value, 10)
	case bool:
		if value {
			return "True"
		}
		return "False"
	case nil:
		return "None"
	default:
		return pythonRepr(value)
	}
}

func convertText(f *field, value any) (any, string) {
	var words string
	switch value := value.(type) {
	case string:
		words = strings.TrimSpace(value)
	case json.Number:
		words = value.String()
	default:
		return nil, "Not a valid string."
	}
	switch {
	case words == "" && f.null:
		return nil, ""
	case words == "" && !f.blank:
		return nil, "This field may not be blank."
	case strings.ContainsRune(words, 0):
		return nil, "Null characters are not allowed."
	case f.max > 0 && utf8.RuneCountInString(words) > f.max:
		return nil, fmt.Sprintf("Ensure this field has no more than %d characters.", f.max)
	}
	return words, ""
}

func convertInteger(f *field, value any) (any, string) {
	words := plain(value)
	if whole, fraction, found := strings.Cut(words, "."); found && strings.Trim(fraction, "0") == "" {
		words = whole
	}
	if len(words) > 1000 {
		return nil, "String value too large."
	}
	number, err := strconv.ParseInt(strings.TrimSpace(words), 10, 64)
	if _, isBool := value.(bool); isBool || (err != nil && !isRange(err)) {
		return nil, "A valid integer is required."
	}
	if f.low != 0 || f.high != 0 {
		if number > f.high || (isRange(err) && !strings.HasPrefix(words, "-")) {
			return nil, fmt.Sprintf("Ensure this value is less than or equal to %d.", f.high)
		}
		if number < f.low {
			return nil, fmt.Sprintf("Ensure this value is greater than or equal to %d.", f.low)
		}
	}
	return number, ""
}

func isRange(err error) bool {
	number, ok := err.(*strconv.NumError)
	return ok && number.Err == strconv.ErrRange
}

func convertDecimal(f *field, value any) (any, string) {
	words := strings.TrimSpace(plain(value))
	number, ok := new(big.Rat).SetString(words)
	if _, isBool := value.(bool); isBool || !ok || len(words) > 40 || strings.ContainsAny(words, "/xXpP_eE") {
		return nil, "A valid number is required."
	}
	if _, fraction, _ := strings.Cut(words, "."); len(fraction) > f.places {
		return nil, fmt.Sprintf("Ensure that there are no more than %d decimal places.", f.places)
	}
	return number.FloatString(f.places), ""
}

func convertBoolean(value any) (any, string) {
	switch strings.ToLower(plain(value)) {
	case "true", "t", "yes", "y", "on", "1":
		return true, ""
	case "false", "f", "no", "n", "off", "0":
		return false, ""
	}
	return nil, "Must be a valid boolean."
}

const timeFormat = "2006-01-02T15:04:05.000000Z"

func convertTime(f *field, value any) (any, string) {
	words, _ := value.(string)
	if f.kind == date {
		if _, err := time.Parse(time.DateOnly, words); err != nil {
			return nil, "Date has wrong format. Use one of these formats instead: YYYY-MM-DD."
		}
		return words, ""
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if at, err := time.Parse(layout, words); err == nil {
			return at.UTC().Format(timeFormat), ""
		}
	}
	return nil, "Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."
}

func convertChoice(f *field, value any) (any, string) {
	switch value := value.(type) {
	case map[string]any, []any:
		return nil, `Value must be passed directly (e.g. "foo": 123); do not use a dictionary or list.`
	case string:
		if value == "" {
			if f.blank {
				return "", ""
			}
			return nil, "This field may not be blank."
		}
	}
	if c, ok := f.choice(plain(value)); ok {
		return c.value, ""
	}
	return nil, fmt.Sprintf("%s is not a valid choice.", plain(value))
}

func convertList(value any, convert func(any) (string, string)) (any, string) {
	list, ok := value.([]any)
	if !ok {
		return nil, fmt.Sprintf(`Expected a list of items but got type "%s".`, pythonType(value))
	}
	stored := make([]string, 0, len(list))
	for _, item := range list {
		words, message := convert(item)
		if message != "" {
			return nil, message
		}
		if !slices.Contains(stored, words) {
			stored = append(stored, words)
		}
	}
	return stored, ""
}

// appsBeside are Nautobot's apps whose models are not simulated; they still have content types.
var appsBeside = []string{"cloud", "wireless", "vpn", "load_balancers", "data_validation", "auth", "contenttypes"}

func (w *writer) contentType(value any) (string, string) {
	kind, ok := value.(string)
	app, name, _ := strings.Cut(kind, ".")
	if !ok || strings.Count(kind, ".") != 1 || app == "" || name == "" {
		return "", "Invalid value. Specify a content type as '<app_label>.<model_name>'."
	}
	if w.s.schema.byKind[kind] == nil && !slices.Contains(appsBeside, app) && !slices.Contains(kindsBeside, kind) {
		return "", "Invalid content type: " + kind
	}
	return kind, ""
}

// kindsBeside are content types of the simulated apps that have no endpoint here.
var kindsBeside = []string{"extras.job", "extras.jobresult", "extras.scheduledjob", "extras.jobhook", "extras.jobbutton", "extras.imageattachment", "extras.fileproxy", "extras.approvalworkflow"}

// convertAddress is IPFieldSerializer (ipam/api/fields.py): an address without a mask is a host's.
func convertAddress(value any) (any, string) {
	words := strings.TrimSpace(plain(value))
	if _, ok := value.(string); !ok {
		return nil, "Invalid IP address format: " + words
	}
	if prefix, err := netip.ParsePrefix(words); err == nil {
		return prefix.String(), ""
	}
	if ip, err := netip.ParseAddr(words); err == nil && ip.Zone() == "" {
		return netip.PrefixFrom(ip, ip.BitLen()).String(), ""
	}
	return nil, "Invalid IP address format: " + words
}

// convertMAC accepts the ways that netaddr.EUI accepts and writes them as Nautobot does: AA:BB:CC:DD:EE:FF.
func convertMAC(f *field, value any) (any, string) {
	words, ok := value.(string)
	if !ok {
		return nil, "Not a valid string."
	}
	words = strings.TrimSpace(words)
	if words == "" && f.null {
		return nil, ""
	}
	bare := strings.ToUpper(strings.Map(func(c rune) rune {
		if c == ':' || c == '-' || c == '.' {
			return -1
		}
		return c
	}, words))
	if len(bare) != 12 || strings.Trim(bare, "0123456789ABCDEF") != "" {
		return nil, "Invalid MAC address format: " + words
	}
	var b strings.Builder
	for i := 0; i < 12; i += 2 {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(bare[i : i+2])
	}
	return b.String(), ""
}

func capital(words string) string {
	if words == "" {
		return words
	}
	return strings.ToUpper(words[:1]) + words[1:]
}

// pythonType is the name of the Python type that a JSON value becomes.
func pythonType(value any) string {
	switch value := value.(type) {
	case nil:
		return "NoneType"
	case string:
		return "str"
	case bool:
		return "bool"
	case json.Number:
		if strings.ContainsAny(value.String(), ".eE") {
			return "float"
		}
		return "int"
	case []any:
		return "list"
	default:
		return "dict"
	}
}

// pythonRepr writes a JSON value as Python's repr() does.
func pythonRepr(value any) string {
	switch value := value.(type) {
	case nil:
		return "None"
	case bool:
		return capital(fmt.Sprint(value))
	case string:
		if strings.Contains(value, "'") && !strings.Contains(value, `"`) {
			return `"` + value + `"`
		}
		return "'" + strings.ReplaceAll(value, "'", `\'`) + "'"
	case []any:
		parts := make([]string, len(value))
		for i, item := range value {
			parts[i] = pythonRepr(item)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		return pythonDict(value)
	default:
		return fmt.Sprint(value)
	}
}

func pythonDict(values map[string]any) string {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		names[i] = pythonRepr(name) + ": " + pythonRepr(values[name])
	}
	return "{" + strings.Join(names, ", ") + "}"
}
