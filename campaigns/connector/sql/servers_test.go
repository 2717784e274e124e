package sqldb

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
)

// Passwords that must never be in an error.
const (
	canary = "c4n4ry/of+the=password"
	root   = "r00t-of-the-tests"
)

// server is a database server of the tests.
type server struct {
	mysql  bool
	addr   string
	caFile string
	db     *sql.DB // as its administrator
}

// pgServer and myServer are shared by the tests of the package.
var pgServer, myServer *server

func TestMain(m *testing.M) {
	start := withServers
	if os.Getenv(brokenServers) != "" {
		start = withParents
	}
	code, err := start(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "the servers of the tests:", err)
		code = 1
	}
	os.Exit(code)
}

// brokenServers names the servers of the tests to a child process, which has none of its own.
const brokenServers = "RECERT_TEST_SQL_SERVERS"

// serversForChildren are, for each server, its address and how its administrator connects.
func serversForChildren() string {
	return strings.Join([]string{
		pgServer.addr, "postgres://root:" + root + "@" + pgServer.addr + "/postgres?sslmode=disable",
		myServer.addr, "root@tcp(" + myServer.addr + ")/world?collation=utf8mb4_bin",
	}, " ")
}

// withParents runs the tests on the servers of the parent process.
func withParents(m *testing.M) (code int, err error) {
	where := strings.Fields(os.Getenv(brokenServers))
	pgServer, myServer = &server{addr: where[0]}, &server{mysql: true, addr: where[2]}
	if pgServer.db, err = sql.Open("pgx", where[1]); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, pgServer.db.Close()) }()
	if myServer.db, err = sql.Open("mysql", where[3]); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, myServer.db.Close()) }()
	worlds.Store(int64(os.Getpid()) * 1000) // beside those of the parent
	return m.Run(), nil
}

func withServers(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "recert-sql-")
	if err != nil {
		return 1, err
	}
	ctx, stop := context.WithCancel(context.Background())
	var running []*exec.Cmd
	defer func() {
		for _, s := range []*server{pgServer, myServer} {
			if s != nil {
				err = errors.Join(err, s.db.Close())
			}
		}
		stop()
		for _, cmd := range running {
			_ = cmd.Wait() // it was killed
		}
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	if err := os.Chmod(dir, 0o711); err != nil { //nolint:gosec // other users' servers have their folders in it
		return 1, err
	}
	for _, start := range []func(context.Context, string) (*server, *exec.Cmd, error){startPostgres, startMariaDB} {
		s, cmd, err := start(ctx, dir)
		if cmd != nil {
			running = append(running, cmd)
		}
		if err != nil {
			return 1, err
		}
		if s.mysql {
			myServer = s
		} else {
			pgServer = s
		}
	}
	return m.Run(), nil
}

// as lets cmd run as the user that the server wants, because servers refuse to run as root.
func as(cmd *exec.Cmd, name string, folders ...string) error {
	cmd.Dir = "/"
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return err
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}} //nolint:gosec // ids of users
	for _, f := range folders {
		if err := os.Chown(f, uid, gid); err != nil {
			return err
		}
	}
	return nil
}

// program is the newest installed one that matches, or an error that says what to install.
func program(name string, patterns ...string) (string, error) {
	for _, p := range patterns {
		if found, _ := filepath.Glob(p); len(found) > 0 {
			return found[len(found)-1], nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s is not installed: run 'make deps'", name)
	}
	return path, nil
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// launch starts a server and waits until it answers.
func launch(cmd *exec.Cmd, db *sql.DB) error {
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGQUIT) } // at once
	if strings.Contains(cmd.Path, "mariadb") {
		cmd.Cancel = cmd.Process.Kill
	}
	log := &strings.Builder{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	if strings.Contains(cmd.Path, "mariadb") {
		cmd.Cancel = cmd.Process.Kill
	}
	var err error
	for range 300 {
		if err = db.Ping(); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("%s does not answer: %w", cmd.Path, err)
}

func startPostgres(ctx context.Context, dir string) (*server, *exec.Cmd, error) {
	initdb, err := program("initdb", "/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return nil, nil, err
	}
	data := filepath.Join(dir, "postgres")
	if err := os.Mkdir(data, 0o700); err != nil {
		return nil, nil, err
	}
	pw := filepath.Join(dir, "pw")
	if err := os.WriteFile(pw, []byte(root), 0o600); err != nil {
		return nil, nil, err
	}
	cmd := exec.CommandContext(ctx, initdb, "--pgdata="+data, "--username=root", "--pwfile="+pw, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
	if err := as(cmd, "postgres", data, pw); err != nil {
		return nil, nil, err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	ca, cert, key, err := certificate(data)
	if err != nil {
		return nil, nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, nil, err
	}
	cmd = exec.CommandContext(ctx, filepath.Join(filepath.Dir(initdb), "postgres"), "-D", data, "-p", port,
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "max_connections=300",
		"-c", "synchronous_commit=off", "-c", "ssl=on", "-c", "ssl_cert_file="+cert, "-c", "ssl_key_file="+key, "-c", "timezone=Asia/Tokyo")
	if err := as(cmd, "postgres", cert, key); err != nil {
		return nil, nil, err
	}
	s := &server{addr: "127.0.0.1:" + port, caFile: ca}
	if s.db, err = sql.Open("pgx", "postgres://root:"+root+"@"+s.addr+"/postgres?sslmode=disable"); err != nil {
		return nil, nil, err
	}
	s.db.SetMaxOpenConns(20)
	if err := launch(cmd, s.db); err != nil {
		return nil, cmd, err
	}
	_, err = s.db.ExecContext(ctx, `CREATE ROLE connector LOGIN SUPERUSER PASSWORD '`+canary+`'`)
	return s, cmd, err
}

func startMariaDB(ctx context.Context, dir string) (*server, *exec.Cmd, error) {
	install, err := program("mariadb-install-db")
	if err != nil {
		return nil, nil, err
	}
	mariadbd, err := program("mariadbd", "/usr/sbin/mariadbd")
	if err != nil {
		return nil, nil, err
	}
	data := filepath.Join(dir, "mariadb")
	if err := os.Mkdir(data, 0o700); err != nil {
		return nil, nil, err
	}
	cmd := exec.CommandContext(ctx, install, "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db")
	if err := as(cmd, "mysql", data); err != nil {
		return nil, nil, err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, nil, fmt.Errorf("mariadb-install-db: %w: %s", err, out)
	}
	ca, cert, key, err := certificate(data)
	if err != nil {
		return nil, nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, nil, err
	}
	cmd = exec.CommandContext(ctx, mariadbd, "--no-defaults", "--datadir="+data, "--bind-address=127.0.0.1", "--port="+port,
		"--socket="+filepath.Join(data, "sock"), "--pid-file="+filepath.Join(data, "pid"), "--max-connections=300",
		"--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M", "--skip-name-resolve", "--ssl-cert="+cert, "--ssl-key="+key, "--default-time-zone=+09:00")
	if err := as(cmd, "mysql", cert, key); err != nil {
		return nil, nil, err
	}
	s := &server{mysql: true, addr: "127.0.0.1:" + port, caFile: ca}
	if s.db, err = sql.Open("mysql", "root@tcp("+s.addr+")/mysql?collation=utf8mb4_bin"); err != nil {
		return nil, nil, err
	}
	s.db.SetMaxOpenConns(20)
	if err := launch(cmd, s.db); err != nil {
		return nil, cmd, err
	}
	for _, q := range []string{
		`CREATE DATABASE world CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci`,
		`CREATE USER 'connector'@'%' IDENTIFIED BY '` + canary + `'`,
		`GRANT SELECT, INSERT, UPDATE, DELETE ON world.* TO 'connector'@'%'`,
	} {
		if _, err := s.db.ExecContext(ctx, q); err != nil {
			return nil, cmd, err
		}
	}
	if err := s.db.Close(); err != nil {
		return nil, cmd, err
	}
	s.db, err = sql.Open("mysql", "root@tcp("+s.addr+")/world?collation=utf8mb4_bin&time_zone=%27%2B00%3A00%27")
	return s, cmd, err
}

// certificate makes an authority that is a server's certificate for 127.0.0.1 at the same time.
func certificate(dir string) (ca, cert, key string, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", "", err
	}
	der, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		return "", "", "", err
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "tests"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	own, err := x509.CreateCertificate(rand.Reader, t, t, &private.PublicKey, private)
	if err != nil {
		return "", "", "", err
	}
	cert, key, ca = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), dir+"-ca.pem"
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own})
	return ca, cert, key, errors.Join(
		os.WriteFile(ca, block, 0o600), os.WriteFile(cert, block, 0o600),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600))
}
