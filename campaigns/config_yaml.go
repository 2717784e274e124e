package campaigns

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"

	"recert/model"
)

// CampaignYAML is a definition as Apply reads it.
func CampaignYAML(name string, spec model.CampaignSpec) ([]byte, error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("encode campaign %s: %w", name, err)
	}
	body, err := yaml.JSONToYAML(text)
	if err != nil {
		return nil, fmt.Errorf("write campaign %s as YAML: %w", name, err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: recert/v1\nkind: Campaign\nname: %q\nspec:\n", name) // a name may read as a number
	for line := range strings.Lines(string(body)) {
		b.WriteString("  " + line)
	}
	return []byte(b.String()), nil
}
