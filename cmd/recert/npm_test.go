package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// npmDir holds the servers that nobody here wrote, and the scripts that start them.
const npmDir = "testdata/npm"

// oidcUser is somebody the OpenID provider of the tests knows. Its user name at the login page
// is Sub or Email.
type oidcUser struct {
	Sub           string   `json:"sub"`
	Email         string   `json:"email,omitempty"`
	EmailVerified bool     `json:"email_verified"`
	Name          string   `json:"name,omitempty"`
	Groups        []string `json:"groups,omitempty"`
}

// oidcServer is a running OpenID provider.
type oidcServer struct {
	URL          string `json:"url"` // the issuer
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`

	config, logoutURI string
}

// startOIDC starts the OpenID provider with these users. Any redirect to /login/callback on
// loopback is allowed, whatever its port, and so is a return to / or /login after logout.
func startOIDC(t testing.TB, users ...oidcUser) *oidcServer {
	t.Helper()
	return startOIDCWithBackchannel(t, "", users...)
}

// startOIDCWithBackchannel is startOIDC for a client that wants to be told, at the given address,
// of a session that ended at the provider.
func startOIDCWithBackchannel(t testing.TB, logoutURI string, users ...oidcUser) *oidcServer {
	t.Helper()
	s := &oidcServer{config: filepath.Join(t.TempDir(), "oidc.json"), logoutURI: logoutURI}
	s.setUsers(t, users...)
	startNode(t, s, "oidc.mjs", s.config)
	return s
}

type oidcConfig struct {
	Users  []oidcUser `json:"users"`
	Logout string     `json:"backchannel_logout_uri,omitempty"`
}

// setUsers replaces the users: the next login sees them.
func (s *oidcServer) setUsers(t testing.TB, users ...oidcUser) {
	t.Helper()
	writeJSON(t, s.config, oidcConfig{users, s.logoutURI})
}

// endSession makes the provider send its client a logout token for one session, as when an
// administrator ends it. It reports what the client answered when that was not success.
func (s *oidcServer) endSession(t testing.TB, sub, sid string) error {
	t.Helper()
	body, err := json.Marshal(map[string]string{"sub": sub, "sid": sid})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/test/backchannel-logout", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNoContent {
		return nil
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return errors.New(string(text))
}

// scimMember, scimUser and scimGroup are the parts of SCIM resources that the tests seed and read.
type scimMember struct {
	Value   string `json:"value"`
	Display string `json:"display,omitempty"`
	Type    string `json:"type,omitempty"`
}

type scimUser struct {
	ID          string       `json:"id"`
	UserName    string       `json:"userName"`
	DisplayName string       `json:"displayName,omitempty"`
	Active      bool         `json:"active"`
	Emails      []scimMember `json:"emails,omitempty"`
}

type scimGroup struct {
	ID          string       `json:"id"`
	DisplayName string       `json:"displayName"`
	Members     []scimMember `json:"members"`
}

// scimSeed is what the SCIM service starts with.
type scimSeed struct {
	Token        string      `json:"token"`
	Users        []scimUser  `json:"users"`
	Groups       []scimGroup `json:"groups"`
	IgnorePaging bool        `json:"ignore_paging,omitempty"` // every page is the first one: a service with a fault
}

// scimServer is a running SCIM service.
type scimServer struct {
	URL   string `json:"url"` // with /scim/v2
	Token string `json:"token"`
}

// scimState is what the service holds, read past its protocol.
type scimState struct {
	Users   []scimUser  `json:"users"`
	Groups  []scimGroup `json:"groups"`
	Changes []struct {
		Method string          `json:"method"`
		Path   string          `json:"path"`
		Status int             `json:"status"`
		Body   json.RawMessage `json:"body"`
	} `json:"changes"`
}

// startSCIM starts the SCIM service with this content; its token is "test-token" where the seed has none.
func startSCIM(t testing.TB, seed scimSeed) *scimServer {
	t.Helper()
	if seed.Token == "" {
		seed.Token = "test-token"
	}
	file := filepath.Join(t.TempDir(), "scim.json")
	writeJSON(t, file, seed)
	s := &scimServer{}
	startNode(t, s, "scim.mjs", file)
	return s
}

// state reads what the service holds and every change that was asked of it.
func (s *scimServer) state(t testing.TB) scimState {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimSuffix(s.URL, "/scim/v2")+"/test/state", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var state scimState
	if err := json.NewDecoder(response.Body).Decode(&state); err != nil {
		t.Fatalf("read the SCIM service's state: %v", err)
	}
	return state
}

// members lists the ids of a group's members, in the service's order.
func (s scimState) members(t testing.TB, groupID string) []string {
	t.Helper()
	for _, group := range s.Groups {
		if group.ID != groupID {
			continue
		}
		ids := make([]string, 0, len(group.Members))
		for _, m := range group.Members {
			ids = append(ids, m.Value)
		}
		return ids
	}
	t.Fatalf("the SCIM service has no group %q", groupID)
	return nil
}

// writeJSON writes v to a new file.
func writeJSON(t testing.TB, file string, v any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// npmFile is the path of a file of the npm packages; without them the test fails.
func npmFile(t testing.TB, name string) string {
	t.Helper()
	file := filepath.Join(npmDir, "node_modules", name)
	if _, err := os.Stat(file); err != nil {
		t.Fatalf("the npm packages of the tests are not installed (%v): run 'make deps'", err)
	}
	return file
}

// startNode runs a script of npmDir until the test ends, and decodes the line of JSON that it
// prints when it is ready into line.
func startNode(t testing.TB, line any, script, config string) {
	t.Helper()
	npmFile(t, ".package-lock.json")
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("Node.js is not installed (%v): run 'make deps'", err)
	}
	// Not the context of the test: it is cancelled before the cleanup, which ends the script.
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), node, script, config)
	cmd.Dir = npmDir
	cmd.WaitDelay = 5 * time.Second
	var stderr lockedBuffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe() // the script ends when this closes, also when this process is killed
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", script, err)
	}
	t.Cleanup(func() {
		_ = stdin.Close() // a script that has ended already has closed its end
		if err := cmd.Wait(); err != nil && !strings.Contains(err.Error(), "killed") {
			t.Errorf("%s ended with %v\n%s", script, err, stderr.String())
		}
		if t.Failed() && stderr.String() != "" {
			t.Logf("%s wrote:\n%s", script, stderr.String())
		}
	})

	ready := make(chan error, 1)
	go func() {
		lines := bufio.NewScanner(stdout)
		found := false
		for lines.Scan() {
			if !found && strings.HasPrefix(lines.Text(), "{") {
				found = true
				ready <- json.Unmarshal(lines.Bytes(), line)
			}
		}
		if !found {
			ready <- io.ErrUnexpectedEOF
		}
	}()
	select {
	case err = <-ready:
	case <-time.After(30 * time.Second):
		err = errors.New("not ready after 30 s")
	}
	if err != nil {
		t.Fatalf("start %s: %v\n%s", script, err, stderr.String())
	}
}

// lockedBuffer is a buffer that a process writes to while a test reads it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
