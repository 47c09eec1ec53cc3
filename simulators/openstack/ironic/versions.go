package ironic

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// The versions of the API that are served (ironic/api/controllers/v1/versions.py). Without a header a client gets the
// lowest.
const (
	MinVersion = "1.1"
	MaxVersion = "1.101"
	minMinor   = 1
	maxMinor   = 101

	versionHeader = "X-OpenStack-Ironic-API-Version"
)

// The versions that brought what does not stand in the tables of fields.
const (
	sinceNames           = 5
	sinceFields          = 8
	sinceManagementVerbs = 4
	sinceInspect         = 6
	sinceEnroll          = 11
	sinceAbort           = 13
	sinceClean           = 15
	sinceAdopt           = 17
	sinceSoftPower       = 27
	sinceVIFs            = 28
	sinceTraits          = 37
	sinceRescue          = 38
	sinceInspectWait     = 39
	sinceDetailQuery     = 43
	sinceConductors      = 49
	sinceDeploySteps     = 69
	sinceDeployVerbs     = 73
	sinceBootMode        = 76
	sinceInventory       = 81
	sinceService         = 87
)

// negotiate reads the version that a request asks for (ironic/api/controllers/base.py).
func negotiate(r *core.Request, header http.Header) error {
	header.Set("X-OpenStack-Ironic-API-Minimum-Version", MinVersion)
	header.Set("X-OpenStack-Ironic-API-Maximum-Version", MaxVersion)
	if core.At("")(r) {
		return nil // the root has no version
	}
	asked := r.Header.Get(versionHeader)
	if found, ok := strings.CutPrefix(r.Header.Get("OpenStack-API-Version"), "baremetal "); asked == "" && ok {
		asked = found
	}
	if asked == "" {
		asked = MinVersion
	}
	if asked == "latest" {
		asked = MaxVersion
	}
	majorText, minorText, ok := strings.Cut(asked, ".")
	major, majorErr := strconv.Atoi(majorText)
	minor, minorErr := strconv.Atoi(minorText)
	switch {
	case !ok || majorErr != nil || minorErr != nil:
		return core.Errorf(http.StatusNotAcceptable, "Invalid value for %s header", versionHeader)
	case major != 1:
		return core.Errorf(http.StatusNotAcceptable, "Mutually exclusive versions requested. Version %s requested but not supported by this service. The supported version range is: [%s, %s].", asked, MinVersion, MaxVersion)
	case minor < minMinor || minor > maxMinor:
		return core.Errorf(http.StatusNotAcceptable, "Version %s was requested but the minor version is not supported by this service. The supported version range is: [%s, %s].", asked, MinVersion, MaxVersion)
	}
	r.Minor = minor
	header.Set(versionHeader, fmt.Sprintf("1.%d", minor))
	return nil
}

// renderError is ironic/api/middleware/parsable_error.py: the fault is JSON within JSON.
func renderError(_ *core.Request, e *core.Error) any {
	code := "Client"
	if e.Status >= http.StatusInternalServerError {
		code = "Server"
	}
	fault, err := json.Marshal(map[string]any{"faultcode": code, "faultstring": e.Message, "debuginfo": nil})
	if err != nil {
		panic(fmt.Sprintf("ironic: encode fault: %v", err)) // three texts
	}
	return map[string]any{"error_message": string(fault)}
}

func badRequest(format string, arguments ...any) *core.Error {
	return core.Errorf(http.StatusBadRequest, format, arguments...)
}

func conflict(format string, arguments ...any) *core.Error {
	return core.Errorf(http.StatusConflict, format, arguments...)
}

// notAcceptable refuses what the negotiated version does not have yet.
func notAcceptable() *core.Error {
	return core.Errorf(http.StatusNotAcceptable, "Request not acceptable.")
}

// needs refuses a call that the negotiated version does not have yet.
func needs(r *core.Request, minor int) error {
	if r.Minor < minor {
		return core.Errorf(http.StatusNotFound, "Not Found")
	}
	return nil
}
