package scenario

import (
	"encoding/json"
	"fmt"

	"github.com/invopop/jsonschema"
)

// Schema returns the JSON Schema of a scenario document, made of the types, for editors and CI.
func Schema() ([]byte, error) {
	reflector := jsonschema.Reflector{DoNotReference: false, RequiredFromJSONSchemaTags: false}
	schema := reflector.Reflect(&Scenario{})
	schema.ID = "https://eventrig.dev/schemas/scenario-v1alpha1.json"
	schema.Title = "eventrig scenario"
	out, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the JSON Schema: %w", err)
	}
	return append(out, '\n'), nil
}
