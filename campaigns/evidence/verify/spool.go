package verify

import (
	"fmt"
	"io"
	"os"
)

// spoolMemory is how much of a file is held in memory before it goes to disk.
const spoolMemory = 8 << 20

// spool is a file that is written once and then read: in memory while small, else in a
// temporary file. It must be closed.
type spool struct {
	dir  string
	mem  []byte
	file *os.File
	size int64
}

func newSpool(dir string) *spool { return &spool{dir: dir} }

func (s *spool) Write(p []byte) (int, error) {
	if s.file == nil && len(s.mem)+len(p) > spoolMemory {
		f, err := os.CreateTemp(s.dir, "recert-evidence-*")
		if err != nil {
			return 0, fmt.Errorf("make a temporary file: %w", err)
		}
		s.file = f
		if _, err := f.Write(s.mem); err != nil {
			return 0, fmt.Errorf("write a temporary file: %w", err)
		}
		s.mem = nil
	}
	s.size += int64(len(p))
	if s.file == nil {
		s.mem = append(s.mem, p...)
		return len(p), nil
	}
	n, err := s.file.Write(p)
	if err != nil {
		return n, fmt.Errorf("write a temporary file: %w", err)
	}
	return n, nil
}

func (s *spool) ReadAt(p []byte, off int64) (int, error) {
	if s.file != nil {
		return s.file.ReadAt(p, off) //nolint:wrapcheck // io.ReaderAt demands io.EOF bare
	}
	if off >= int64(len(s.mem)) {
		return 0, io.EOF
	}
	n := copy(p, s.mem[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// reader reads the whole from the start.
func (s *spool) reader() io.Reader { return io.NewSectionReader(s, 0, s.size) }

// bytes is the whole content, for files that are small by their nature.
func (s *spool) bytes() ([]byte, error) { return io.ReadAll(s.reader()) }

// Close frees the temporary file. It may be called twice.
func (s *spool) Close() error {
	s.mem = nil
	if s.file == nil {
		return nil
	}
	f := s.file
	s.file = nil
	err := f.Close()
	if rm := os.Remove(f.Name()); err == nil && rm != nil {
		err = rm
	}
	if err != nil {
		return fmt.Errorf("remove a temporary file: %w", err)
	}
	return nil
}
