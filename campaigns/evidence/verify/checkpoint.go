package verify

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is a signed size and root of the log (C2SP tlog-checkpoint). The origin is the name
// of the key.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   tlog.Hash
}

// Text is what is signed: origin, size and root, one a line.
func (c Checkpoint) Text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, c.Root)
}

// SignCheckpoint makes the signed note of c. The signer's name must be the origin.
func SignCheckpoint(c Checkpoint, signer note.Signer) ([]byte, error) {
	if signer.Name() != c.Origin {
		return nil, fmt.Errorf("the key is of %q, the checkpoint of %q", signer.Name(), c.Origin)
	}
	msg, err := note.Sign(&note.Note{Text: c.Text()}, signer)
	if err != nil {
		return nil, fmt.Errorf("sign checkpoint: %w", err)
	}
	return msg, nil
}

// OpenCheckpoint checks the signature of msg with the one key given and reads it. It refuses
// more signatures, other lines, and any other spelling.
func OpenCheckpoint(msg []byte, vkey string) (Checkpoint, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("the key %q is not usable: %w", vkey, err)
	}
	n, err := note.Open(msg, note.VerifierList(verifier))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("the signature does not hold with the key of %s: %w", verifier.Name(), err)
	}
	if len(n.Sigs) != 1 || len(n.UnverifiedSigs) != 0 {
		return Checkpoint{}, errors.New("there must be one signature and no other")
	}
	sig, err := base64.StdEncoding.Strict().DecodeString(n.Sigs[0].Base64)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("the signature is not in its one spelling: %w", err)
	}
	again := n.Text + "\n— " + verifier.Name() + " " + base64.StdEncoding.EncodeToString(sig) + "\n"
	if again != string(msg) {
		return Checkpoint{}, errors.New("it is not in its one spelling")
	}
	c, err := parseCheckpoint(n.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	if c.Origin != verifier.Name() {
		return Checkpoint{}, fmt.Errorf("its origin %q is not the key's name %q", c.Origin, verifier.Name())
	}
	return c, nil
}

func parseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return Checkpoint{}, errors.New("a checkpoint has three lines: origin, size, root")
	}
	size, err := parseInt("size", lines[1])
	if err != nil {
		return Checkpoint{}, err
	}
	if size < 0 {
		return Checkpoint{}, fmt.Errorf("the size %d is negative", size)
	}
	root, err := parseHash(lines[2])
	if err != nil {
		return Checkpoint{}, err
	}
	return Checkpoint{Origin: lines[0], Size: size, Root: root}, nil
}

// FormatConsistency writes log/consistency.txt: the number of hashes, the hashes of the RFC 6962
// consistency proof, and the earlier signed checkpoint as it was.
func FormatConsistency(proof tlog.TreeProof, previous []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d\n", len(proof))
	for _, h := range proof {
		fmt.Fprintf(&b, "%s\n", h)
	}
	b.Write(previous)
	return b.Bytes()
}

// maxProof bounds the hashes of a proof in a log of 2^62 events.
const maxProof = 128

func parseConsistency(text []byte) (tlog.TreeProof, []byte, error) {
	first, rest, ok := bytes.Cut(text, []byte{'\n'})
	n, err := parseInt("the number of hashes", string(first))
	if err != nil || !ok || n < 0 || n > maxProof {
		return nil, nil, errors.New("the first line is not the number of hashes")
	}
	proof := tlog.TreeProof{}
	for i := range n {
		var line []byte
		line, rest, ok = bytes.Cut(rest, []byte{'\n'})
		h, err := parseHash(string(line))
		if err != nil || !ok {
			return nil, nil, fmt.Errorf("line %d is not a hash", i+2)
		}
		proof = append(proof, h)
	}
	return proof, rest, nil
}

// checkConsistency tells whether text proves that the log of now begins with an earlier one
// whose checkpoint one of the keys signed, and returns that earlier signed checkpoint. The empty
// text claims nothing.
func checkConsistency(text []byte, now Checkpoint, keys []string) ([]byte, error) {
	if len(text) == 0 {
		return nil, nil
	}
	proof, msg, err := parseConsistency(text)
	if err != nil {
		return nil, err
	}
	var old Checkpoint
	err = errors.New("no key of the log is known")
	for _, k := range keys {
		if old, err = OpenCheckpoint(msg, k); err == nil {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the earlier checkpoint: %w", err)
	}
	if old.Size < 1 || old.Size > now.Size {
		return nil, fmt.Errorf("the earlier log has %d events, this one %d", old.Size, now.Size)
	}
	if err := tlog.CheckTree(proof, now.Size, now.Root, old.Size, old.Root); err != nil {
		return nil, errors.New("the log does not continue the earlier one: its history was changed")
	}
	return msg, nil
}
