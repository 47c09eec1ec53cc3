package serve

import (
	"github.com/spf13/pflag"

	"github.com/eventrig/eventrig/simulators/ontap"
)

func ontapFlags(set *pflag.FlagSet, f *flags) {
	set.StringVar(&f.username, "username", ontap.DefaultUsername, "user that clients need")
	set.StringVar(&f.password, "password", ontap.DefaultPassword, "password that clients need")
}

func startONTAP(f *flags, url string) (started, error) {
	s := ontap.New(ontap.Config{Seed: f.seed, Username: f.username, Password: f.password})
	username, password := s.Credentials()
	return started{
		simulator: s, ready: ready{URL: url, Username: username, Password: password}, limitJournal: s.Journal().KeepEntries,
	}, nil
}
