package verify

import (
	"bytes"
	"context"
	"errors"
	"io"
)

// place decides who is to blame where two files contradict each other: the one that differs from
// the manifest, if it is one alone.
func (v *verifier) place(err error, p *primaries) error {
	var u *unplaced
	var f *fault
	m := v.readManifest()
	switch {
	case errors.As(err, &u):
		if !v.listed(&m, fileTree) && v.listed(&m, fileLeaves) {
			return blame(fileTree, u.err)
		}
		return blame(fileLeaves, u.err)
	case errors.As(err, &f) && f.file == fileCheckpoint && f.reason != errOtherKey:
		if _, e := OpenCheckpoint(p.checkpoint, m.VKey); e == nil {
			return faultf(fileLeaves, "its %s is not the key that signed the checkpoint", TypeLogKey)
		}
	}
	return err
}

// listed tells whether the file's stored bytes are those that the manifest lists.
func (v *verifier) listed(m *manifestJSON, name string) bool {
	s := newSink(name, io.Discard)
	defer s.release()
	if _, err := io.Copy((*storedBytes)(s), v.section(name)); err != nil {
		return false
	}
	for _, f := range m.Files {
		if f.Name == name {
			return f.StoredSHA256 == hexSum(s.stored)
		}
	}
	return false
}

// previous holds the package against an earlier one: same key, and the log goes on from there.
func (v *verifier) previous(ctx context.Context, s *state, p *primaries, r io.ReaderAt, size int64) error {
	old := &verifier{r: r, dir: v.dir, spools: map[string]*spool{}}
	defer func() {
		for name, sp := range old.spools {
			v.spools["previous "+name] = sp
		}
	}()
	if err := old.open(size); err != nil {
		return previousFault(err)
	}
	sp, err := old.inflate(ctx, fileCheckpoint, maxSmall)
	if err != nil {
		return previousFault(err)
	}
	msg, err := sp.bytes()
	if err != nil {
		return err
	}
	m := old.readManifest()
	before, err := OpenCheckpoint(msg, m.VKey)
	if err != nil {
		return previousFault(blame(fileCheckpoint, err))
	}
	if m.VKey != s.keys[len(s.keys)-1] {
		return faultf(fileCheckpoint, "it is signed with another key than the previous package")
	}
	if before == s.checkpoint {
		v.done("previous", "both packages have the same checkpoint")
		return nil
	}
	earlier, err := checkConsistency(p.consistency, s.checkpoint, s.keys)
	if err != nil {
		return blame(fileConsistency, err)
	}
	if !bytes.Equal(earlier, msg) {
		return faultf(fileConsistency, "it does not begin at the checkpoint of the previous package, of %d events", before.Size)
	}
	v.done("previous", "the log goes on from the %d events of the previous package", before.Size)
	return nil
}

// previousFault says that it is the previous package that is wrong.
func previousFault(err error) error {
	var f *fault
	if errors.As(err, &f) {
		return &fault{file: "previous package: " + f.file, reason: f.reason}
	}
	return err
}
