package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"

	"recert/campaigns/notify"
	"recert/model"
	"recert/model/store"
)

// mailServer gives the mail server that the configuration names, as it is now; nil is none.
func mailServer(s *store.Store, secrets *keeper) func(context.Context) (*notify.Server, error) {
	return func(ctx context.Context) (*notify.Server, error) {
		c, err := s.Config(ctx, model.ConfigNotification, model.MailNotification)
		if model.KindOf(err) == model.NotFound {
			return nil, nil //nolint:nilnil // mail is not set up
		}
		if err != nil {
			return nil, err
		}
		var spec model.NotificationSpec
		if err := json.Unmarshal([]byte(c.Spec), &spec); err != nil {
			return nil, fmt.Errorf("read the stored mail settings: %w", err)
		}
		if spec.Mail == nil {
			return nil, nil //nolint:nilnil // as above
		}
		return openMail(ctx, s, secrets, *spec.Mail)
	}
}

func openMail(ctx context.Context, s *store.Store, secrets *keeper, m model.MailSpec) (*notify.Server, error) {
	password, err := secrets.resolve(ctx, m.Password)
	if err != nil {
		return nil, err
	}
	settings, err := s.Settings(ctx)
	if err != nil {
		return nil, err
	}
	dialer, err := dialerOf(settings)
	if err != nil {
		return nil, err
	}
	srv := &notify.Server{
		Host: m.Host, Port: m.ServerPort(), From: m.From, Username: m.Username, Password: password, Security: m.Security(), Dial: dialer.DialContext,
	}
	if m.CAFile != "" {
		pem, err := os.ReadFile(m.CAFile)
		if err != nil {
			return nil, model.Errorf(model.Invalid, "ca_file: %v", err)
		}
		srv.Roots = x509.NewCertPool()
		if !srv.Roots.AppendCertsFromPEM(pem) {
			return nil, model.Errorf(model.Invalid, "ca_file: %s holds no certificate", m.CAFile)
		}
	}
	return srv, nil
}
