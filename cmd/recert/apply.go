package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
)

type applyCmd struct {
	File   []string `short:"f" name:"file" required:"" help:"A YAML file, or a folder of them; - is standard input." placeholder:"FILE|DIR"`
	DryRun bool     `help:"Show what would change; change nothing."`
}

// Run applies the documents of all files in one transaction.
func (c *applyCmd) Run(ctx context.Context, e *env) error {
	docs, err := readConfigFiles(c.File)
	if err != nil {
		return err
	}
	return e.withStore(ctx, func(s *store.Store) error {
		changes, err := campaigns.Apply(ctx, s, commandActor(), docs, c.DryRun)
		if err != nil {
			return err
		}
		if e.cli.JSON {
			return printJSON(e.out, changes)
		}
		for _, ch := range changes {
			action := ch.Action
			if c.DryRun && action != "unchanged" {
				action = "would be " + action
			}
			if ch.Note != "" {
				action += ". " + ch.Note
			}
			if _, err := fmt.Fprintf(e.out, "%s %s: %s\n", ch.Kind, ch.Name, action); err != nil {
				return err
			}
		}
		return nil
	})
}

func readConfigFiles(names []string) ([]campaigns.Document, error) {
	var docs []campaigns.Document
	for _, name := range names {
		files, err := configFiles(name)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			more, err := readConfigFile(file)
			if err != nil {
				return nil, err
			}
			docs = append(docs, more...)
		}
	}
	return docs, nil
}

func readConfigFile(file string) (docs []campaigns.Document, err error) {
	if file == "-" {
		return campaigns.ReadDocuments("standard input", os.Stdin)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, model.Errorf(model.Invalid, "cannot read the configuration: %v", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return campaigns.ReadDocuments(file, f)
}

// configFiles are the YAML files that a name means, in order.
func configFiles(name string) ([]string, error) {
	if name == "-" {
		return []string{name}, nil
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, model.Errorf(model.Invalid, "cannot read the configuration: %v", err)
	}
	if !info.IsDir() {
		return []string{name}, nil
	}
	entries, err := os.ReadDir(name)
	if err != nil {
		return nil, fmt.Errorf("read folder %s: %w", name, err)
	}
	var files []string
	for _, en := range entries {
		if ext := strings.ToLower(filepath.Ext(en.Name())); !en.IsDir() && slices.Contains([]string{".yaml", ".yml"}, ext) {
			files = append(files, filepath.Join(name, en.Name()))
		}
	}
	if len(files) == 0 {
		return nil, model.Errorf(model.Invalid, "the folder %s holds no .yaml file", name)
	}
	return files, nil
}
