package ironic

// The provision states and their machine, ironic/common/states.py.
const (
	enroll         = "enroll"
	verifying      = "verifying"
	manageable     = "manageable"
	available      = "available"
	active         = "active"
	deployWait     = "wait call-back"
	deploying      = "deploying"
	deployFail     = "deploy failed"
	deployHold     = "deploy hold"
	deleting       = "deleting"
	cleaning       = "cleaning"
	cleanWait      = "clean wait"
	cleanFail      = "clean failed"
	cleanHold      = "clean hold"
	errored        = "error"
	inspecting     = "inspecting"
	inspectFail    = "inspect failed"
	inspectWait    = "inspect wait"
	adopting       = "adopting"
	adoptFail      = "adopt failed"
	rescued        = "rescue"
	rescueFail     = "rescue failed"
	rescueWait     = "rescue wait"
	rescuing       = "rescuing"
	unrescueFail   = "unrescue failed"
	unrescuing     = "unrescuing"
	servicing      = "servicing"
	serviceWait    = "service wait"
	serviceFail    = "service failed"
	serviceHold    = "service hold"
	powerOn        = "power on"
	powerOff       = "power off"
	reboot         = "rebooting"
	softReboot     = "soft rebooting"
	softPowerOff   = "soft power off"
	faultCleaning  = "clean failure"
	faultRescueing = "rescue abort failure"
)

// verbs maps what a client asks for to the machine's events.
var verbs = map[string]string{
	"active": "deploy", "deploy": "deploy", "deleted": "delete", "undeploy": "delete", "manage": "manage", "provide": "provide",
	"inspect": "inspect", "abort": "abort", "clean": "clean", "adopt": "adopt", "rescue": "rescue", "unrescue": "unrescue",
	"unhold": "unhold", "service": "service",
}

// verbSince is the version that brought a verb (MIN_VERB_VERSIONS of ironic/api/controllers/v1/utils.py).
var verbSince = map[string]int{
	"manage": sinceManagementVerbs, "provide": sinceManagementVerbs, "inspect": sinceInspect, "abort": sinceAbort, "clean": sinceClean,
	"adopt": sinceAdopt, "rescue": sinceRescue, "unrescue": sinceRescue, "deploy": sinceDeployVerbs, "undeploy": sinceDeployVerbs,
	"service": sinceService, "unhold": 85,
}

// stable states are left on request only.
var stable = map[string]bool{enroll: true, manageable: true, available: true, active: true, errored: true, rescued: true}

// unstable states are left without a request; what begins or ends in one decides a notification's status.
var unstable = map[string]bool{
	deploying: true, deployWait: true, cleaning: true, cleanWait: true, verifying: true, deleting: true, inspecting: true,
	inspectWait: true, adopting: true, rescuing: true, rescueWait: true, unrescuing: true, servicing: true, serviceWait: true,
}

// waiting states are those of the unstable ones in which no conductor holds the node.
var waiting = map[string]bool{deployWait: true, cleanWait: true, inspectWait: true, rescueWait: true, serviceWait: true}

// targets is where a node in a state is going.
var targets = map[string]string{
	verifying: manageable, deploying: active, deployWait: active, deployFail: active, deployHold: active, cleaning: available,
	cleanWait: available, cleanFail: available, cleanHold: available, deleting: available, inspecting: manageable, inspectFail: manageable,
	inspectWait: manageable, adopting: active, adoptFail: active, rescuing: rescued, rescueWait: rescued, rescueFail: rescued,
	unrescuing: active, unrescueFail: active, servicing: active, serviceWait: active, serviceFail: active, serviceHold: active,
}

// machine says which event leads from which state to which.
var machine = map[string]map[string]string{
	enroll:       {"manage": verifying},
	verifying:    {"done": manageable, "fail": enroll},
	manageable:   {"provide": cleaning, "clean": cleaning, "inspect": inspecting, "adopt": adopting},
	available:    {"deploy": deploying, "manage": manageable},
	deploying:    {"fail": deployFail, "wait": deployWait, "done": active, "hold": deployHold},
	deployWait:   {"resume": deploying, "fail": deployFail, "delete": deleting, "hold": deployHold},
	deployHold:   {"unhold": deployWait, "fail": deployFail, "delete": deleting, "abort": deployFail},
	deployFail:   {"rebuild": deploying, "deploy": deploying, "delete": deleting},
	active:       {"rebuild": deploying, "delete": deleting, "rescue": rescuing, "service": servicing},
	deleting:     {"fail": errored, "clean": cleaning},
	errored:      {"rebuild": deploying, "delete": deleting},
	cleaning:     {"done": available, "fail": cleanFail, "wait": cleanWait, "manage": manageable, "hold": cleanHold},
	cleanWait:    {"fail": cleanFail, "abort": cleanFail, "resume": cleaning, "hold": cleanHold},
	cleanHold:    {"unhold": cleanWait, "fail": cleanFail, "abort": cleanFail},
	cleanFail:    {"manage": manageable},
	inspecting:   {"done": manageable, "fail": inspectFail, "wait": inspectWait},
	inspectWait:  {"done": manageable, "fail": inspectFail, "abort": inspectFail, "resume": inspecting},
	inspectFail:  {"manage": manageable, "inspect": inspecting},
	adopting:     {"done": active, "fail": adoptFail},
	adoptFail:    {"adopt": adopting, "manage": manageable},
	rescuing:     {"done": rescued, "wait": rescueWait, "fail": rescueFail},
	rescueWait:   {"resume": rescuing, "fail": rescueFail, "abort": rescueFail, "delete": deleting},
	rescued:      {"rescue": rescuing, "delete": deleting, "unrescue": unrescuing},
	rescueFail:   {"rescue": rescuing, "unrescue": unrescuing, "delete": deleting},
	unrescuing:   {"done": active, "fail": unrescueFail},
	unrescueFail: {"rescue": rescuing, "unrescue": unrescuing, "delete": deleting},
	servicing:    {"done": active, "fail": serviceFail, "wait": serviceWait, "hold": serviceHold},
	serviceWait:  {"resume": servicing, "fail": serviceFail, "abort": serviceFail, "hold": serviceHold},
	serviceHold:  {"unhold": servicing, "fail": serviceFail, "abort": serviceFail},
	serviceFail:  {"service": servicing, "rescue": rescuing, "abort": active, "delete": deleting, "rebuild": deploying},
}

// updatable are the states with a target in which a node may be changed all the same (UPDATE_ALLOWED_STATES).
var updatable = map[string]bool{
	deployFail: true, inspecting: true, inspectFail: true, inspectWait: true, cleanFail: true, errored: true, verifying: true,
	adoptFail: true, rescueFail: true, unrescueFail: true, serviceFail: true,
}

// deletable are the states in which a node may be deleted: DELETE_ALLOWED_STATES, and available with Ironic's default of
// [conductor]allow_deleting_available_nodes.
var deletable = []string{manageable, enroll, adoptFail, available}

// interfaceStates are those in which a node's hardware interfaces may be changed (ironic/conductor/manager.py, update_node).
var interfaceStates = []string{enroll, inspecting, inspectWait, manageable, available}
