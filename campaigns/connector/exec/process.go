package execconn

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/exec/proc"
)

var (
	errSilent  = errors.New("the program said nothing for too long and was ended")
	errTooLong = errors.New("a line is too long")
)

const afterEnd = 2 * time.Second // for what an ended program left behind to let go of its output

// process is one run of the program.
type process struct {
	c       *Client
	command string
	ctx     context.Context // of this run
	cancel  context.CancelCauseFunc
	silence *time.Timer
	cmd     *exec.Cmd
	dir     string
	out     *bufio.Reader
	stderr  proc.Tail
	lines   int
	waited  bool
}

// start runs the program and sends it r. limit bounds the whole run.
func (c *Client) start(ctx context.Context, limit time.Duration, r request) (*process, error) {
	r.Version = 1
	if !r.sendable() {
		return nil, c.fail(connector.Refused, "An id or a name holds a zero byte, is not UTF-8 or is longer than 65,536 bytes, so the program cannot be asked about it", nil)
	}
	line, err := r.line()
	if err != nil {
		return nil, c.fail(connector.Refused, "The request cannot be written as JSON", err)
	}
	if ctx.Err() != nil {
		return nil, c.fail(connector.Unreachable, "The program was not started", context.Cause(ctx))
	}
	dir, err := os.MkdirTemp("", "recert-exec-")
	if err != nil {
		return nil, c.fail(connector.Unreachable, "No working directory could be made for the program", err)
	}
	limited, end := context.WithTimeoutCause(ctx, limit, errSilent)
	run, cancel := context.WithCancelCause(limited)
	p := &process{c: c, command: r.Command, ctx: run, dir: dir}
	p.cancel = func(cause error) { cancel(cause); end() }
	p.silence = time.AfterFunc(min(c.cfg.Timeout, limit), func() { cancel(errSilent) })
	p.cmd = exec.CommandContext(run, c.cfg.Command[0], c.cfg.Command[1:]...) //nolint:gosec // the program is what the admin configured
	p.cmd.Dir, p.cmd.Env, p.cmd.Stdin = dir, c.environ(dir, r), bytes.NewReader(line)
	p.cmd.Stderr, p.cmd.WaitDelay = &p.stderr, afterEnd
	proc.Apart(p.cmd)
	pipe, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		p.waited = true
		p.end()
		return nil, c.fail(connector.Unreachable, "The program cannot be started: see that it exists, may be run and begins with a line that names its interpreter", err)
	}
	p.out = bufio.NewReaderSize(pipe, 64<<10)
	// A process that left the group may keep the pipe open for ever.
	context.AfterFunc(run, func() { _ = pipe.Close() })
	return p, nil
}

// end ends the program if it still runs, and clears away what is left of the run.
func (p *process) end() {
	p.halt()
	_ = os.RemoveAll(p.dir) // a temporary directory; what stays is the machine's to clear away
}

// halt ends the program if it still runs.
func (p *process) halt() {
	p.silence.Stop()
	p.cancel(errSilent)
	if !p.waited {
		p.waited = true
		_ = p.cmd.Wait() // it was ended; how it took that is of no interest
	}
}

// line is the next line of the output, without its end; io.EOF after the last.
func (p *process) line() ([]byte, error) {
	p.silence.Reset(p.c.cfg.Timeout)
	defer p.silence.Stop()
	var line []byte
	for {
		part, err := p.out.ReadSlice('\n')
		if len(line)+len(part) > p.c.cfg.MaxLine {
			return nil, errTooLong
		}
		line = append(line, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return nil, err
		case err != nil && len(line) == 0:
			return nil, io.EOF
		}
		p.lines++
		return bytes.TrimRight(line, "\r\n"), nil
	}
}

// wait waits until the program has ended by itself, and fails where it did not end well.
func (p *process) wait() error {
	p.silence.Reset(p.c.cfg.Timeout)
	err := p.cmd.Wait()
	p.silence.Stop()
	p.waited = true
	return err
}

// broken is the Failure of a run whose output is not what it should be. Output that is cut off
// because the program died or was ended says only that.
func (p *process) broken(what string, cause error) error {
	if errors.Is(cause, errTooLong) {
		return p.failure(connector.Broken, fmt.Sprintf("line %d is longer than %d bytes", p.lines+1, p.c.cfg.MaxLine), nil)
	}
	if p.ctx.Err() == nil && !p.waited && p.atEnd() {
		if err := p.wait(); err != nil {
			return p.ended(err)
		}
	}
	if errors.Is(cause, io.EOF) {
		cause = nil
	}
	return p.failure(connector.Broken, what, cause)
}

// atEnd tells whether nothing more comes.
func (p *process) atEnd() bool {
	p.silence.Reset(p.c.cfg.Timeout)
	defer p.silence.Stop()
	_, err := p.out.Peek(1)
	return errors.Is(err, io.EOF)
}

// ended is the Failure of a program that did not end well: what it did is not known.
func (p *process) ended(err error) error {
	return p.failure(connector.Unreachable, "it ended with a failure ("+strings.TrimPrefix(err.Error(), "exec: ")+")", nil)
}

// failure is the Failure of a run; where the run's time ended, that is what it says.
func (p *process) failure(kind connector.FailureKind, what string, cause error) error {
	if p.ctx.Err() != nil {
		kind, cause = connector.Unreachable, context.Cause(p.ctx)
		what = "it was ended before it was done"
	}
	p.halt() // its error output is whole only then
	if last := p.c.show(p.stderr.Last()); last != "" {
		if cause == nil {
			cause = errors.New("its error output ends with: " + last)
		} else {
			cause = fmt.Errorf("%w; its error output ends with: %s", cause, last)
		}
	}
	return p.c.fail(kind, "The program "+p.c.cfg.Command[0]+" did not answer "+p.command+" as it should: "+what, cause)
}

// ask runs the program for a command that is answered by one line.
func (c *Client) ask(ctx context.Context, r request, into interface{ failed() *wireError }) error {
	p, err := c.start(ctx, c.cfg.Timeout, r)
	if err != nil {
		return err
	}
	defer p.end()
	line, err := p.line()
	if err != nil {
		return p.broken("it gave no answer", err)
	}
	if err := decode(line, into); err != nil {
		return p.broken("its answer cannot be read", err)
	}
	if _, err := p.line(); !errors.Is(err, io.EOF) {
		return p.failure(connector.Broken, "more came after its answer", nil)
	}
	err = p.wait()
	if e := into.failed(); e != nil && p.ctx.Err() == nil {
		return c.failure(r.Command, e) // whatever its exit status is
	}
	if err != nil {
		return p.ended(err)
	}
	return nil
}
