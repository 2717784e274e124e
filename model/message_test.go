package model_test

import (
	"strings"
	"testing"

	"recert/model"
)

func TestMessageStates(t *testing.T) {
	t.Parallel()
	want := map[model.MessageState]string{
		model.MessageQueued: "sending cancelled", model.MessageSending: "queued failed sent cancelled", model.MessageFailed: "queued",
		model.MessageSent: "", model.MessageCancelled: "",
	}
	for _, from := range model.MessageStates {
		var got []string
		for _, to := range model.MessageStates {
			if from.Can(to) {
				got = append(got, string(to))
			}
		}
		if strings.Join(got, " ") != want[from] {
			t.Errorf("from %s: %v, want %s", from, got, want[from])
		}
	}
	if len(want) != len(model.MessageStates) {
		t.Errorf("%d states are listed", len(model.MessageStates))
	}
}

func TestMailDefaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		spec     model.MailSpec
		security string
		port     int
	}{
		{model.MailSpec{}, "starttls", 587}, {model.MailSpec{TLS: "tls"}, "tls", 465}, {model.MailSpec{TLS: "none"}, "none", 25}, {model.MailSpec{TLS: "tls", Port: 2525}, "tls", 2525},
	} {
		if got := c.spec.Security(); got != c.security || c.spec.ServerPort() != c.port {
			t.Errorf("%+v: %s, %d", c.spec, got, c.spec.ServerPort())
		}
	}
}
