// Package authority is a certificate authority of our own, for what a rig or a simulator serves over TLS. In: names of
// hosts and users. Out: certificates and keys that its root certificate vouches for. Nothing outlives the process unless
// the caller writes it down.
package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// Authority signs certificates. Elliptic keys, because RSA generation alone would cost a noticeable part of a boot.
type Authority struct {
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
	der         []byte
}

// Subject is whom a certificate speaks for.
type Subject struct {
	Name   string   // common name: a user, or any name for a server
	Groups []string // organisations
	Hosts  []string // DNS names and addresses; a certificate that has some serves as well
}

// New makes an authority with that common name, valid for a year.
func New(name string) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate certificate authority key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().AddDate(1, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("sign certificate authority: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("parse certificate authority: %w", err)
	}
	return &Authority{key: key, certificate: certificate, der: der}, nil
}

// DER is the authority's certificate as the wire has it.
func (a *Authority) DER() []byte { return a.der }

// PEM is the authority's certificate as files have it.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.der})
}

// Issue makes a key and a certificate for a subject, valid for a year.
func (a *Authority) Issue(subject Subject) (der []byte, key *ecdsa.PrivateKey, err error) {
	key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("generate key of %s: %w", subject.Name, err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, fmt.Errorf("draw serial number for %s: %w", subject.Name, err)
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: subject.Name, Organization: subject.Groups},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(1, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if len(subject.Hosts) > 0 {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	for _, host := range subject.Hosts {
		if address := net.ParseIP(host); address != nil {
			template.IPAddresses = append(template.IPAddresses, address)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	if der, err = x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key); err != nil {
		return nil, nil, fmt.Errorf("sign certificate of %s: %w", subject.Name, err)
	}
	return der, key, nil
}

// Server makes the TLS settings of a server for the hosts.
func (a *Authority) Server(name string, hosts ...string) (*tls.Config, error) {
	der, key, err := a.Issue(Subject{Name: name, Hosts: hosts})
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{{Certificate: [][]byte{der, a.der}, PrivateKey: key}},
	}, nil
}
