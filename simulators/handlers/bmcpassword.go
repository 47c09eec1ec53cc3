package handlers

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
)

// printsPassword is the program of the template bmc-password, in our manifests' words and in UnderStack's: it needs
// UnderStack's own Python package, which the machine's Python has not.
var printsPassword = regexp.MustCompile(`(?s)from understack_workflows\.bmc_password_standard import standard_password.*?(?:bmc_ip = |standard_password\()["'](.*?)["']`)

// passwordLength is how much of the digest is a password.
const passwordLength = 24

// standardPassword is the password that UnderStack gives the BMC at an address: the beginning of the digest of the master key
// and the address (understack_workflows/bmc_password_standard.py).
func standardPassword(address, master string) (string, error) {
	if _, err := netip.ParseAddr(address); err != nil {
		return "", fmt.Errorf("ValueError: Need an IPv4 address, not '%s'", address)
	}
	if master == "" {
		//lint:ignore ST1005 UnderStack's words
		return "", errors.New("ValueError: Missing/empty master_key!")
	}
	sum := sha256.Sum256([]byte(master + address))
	return base64.StdEncoding.EncodeToString(sum[:])[:passwordLength], nil
}

// printPassword is that program.
func (s Surroundings) printPassword(address string) int {
	master := s.Getenv("BMC_MASTER")
	if master == "" {
		fmt.Fprintln(s.Stderr, "Please set the BMC_MASTER environment variable")
		return 1
	}
	password, err := standardPassword(address, master)
	if err != nil {
		return s.crash(err)
	}
	fmt.Fprintln(s.Stdout, password)
	return 0
}
