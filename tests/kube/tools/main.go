// What others make of an object that stands on standard input as JSON, by what they are made of themselves: a status, and a message where they have one.
//
//	health kstatus              `kubectl wait`'s kin: Flux without expressions, kpt, Config Sync
//	health flux EXPRESSIONS     Flux with `healthCheckExprs`, as JSON
//	health argocd SCRIPT        Argo CD with a `health.lua`
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func main() {
	state, message, err := health(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(state)
	fmt.Println(message)
}

func health(arguments []string) (string, string, error) {
	if len(arguments) == 0 {
		return "", "", fmt.Errorf("kstatus, flux or argocd")
	}
	object := &unstructured.Unstructured{}
	// Numbers as Kubernetes' clients have them.
	if err := json.NewDecoder(os.Stdin).Decode(object); err != nil {
		return "", "", err
	}
	switch {
	case arguments[0] == "kstatus":
		return told(status.Compute(object))
	case arguments[0] == "flux" && len(arguments) == 2:
		return flux(arguments[1], object)
	case arguments[0] == "argocd" && len(arguments) == 2:
		return argocd(arguments[1], object)
	}
	return "", "", fmt.Errorf("%v is none of kstatus, flux EXPRESSIONS and argocd SCRIPT", arguments)
}

func flux(expressions string, object *unstructured.Unstructured) (string, string, error) {
	var checks kustomize.HealthCheckExpressions
	if err := json.Unmarshal([]byte(expressions), &checks); err != nil {
		return "", "", err
	}
	evaluator, err := cel.NewStatusEvaluator(&checks)
	if err != nil {
		return "", "", err
	}
	return told(evaluator.Evaluate(context.Background(), object))
}

func told(result *status.Result, err error) (string, string, error) {
	if err != nil {
		return "", "", err
	}
	return string(result.Status), result.Message, nil
}

// As Argo CD runs one: the object is `obj`, only the base library and a part of string, table and math are there, and a table with status and message is returned.
func argocd(script string, object *unstructured.Unstructured) (string, string, error) {
	text, err := os.ReadFile(script)
	if err != nil {
		return "", "", err
	}
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{"": lua.OpenBase, lua.TabLibName: lua.OpenTable, lua.StringLibName: lua.OpenString} {
		state.Push(state.NewFunction(open))
		state.Push(lua.LString(name))
		state.Call(1, 0)
	}
	state.SetGlobal("obj", value(state, object.Object))
	if err := state.DoString(string(text)); err != nil {
		return "", "", err
	}
	table, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return "", "", fmt.Errorf("%s returned no table", script)
	}
	return table.RawGetString("status").String(), table.RawGetString("message").String(), nil
}

func value(state *lua.LState, from any) lua.LValue {
	switch from := from.(type) {
	case bool:
		return lua.LBool(from)
	case int64:
		return lua.LNumber(from)
	case float64:
		return lua.LNumber(from)
	case string:
		return lua.LString(from)
	case []any:
		table := state.NewTable()
		for _, one := range from {
			table.Append(value(state, one))
		}
		return table
	case map[string]any:
		table := state.NewTable()
		for key, one := range from {
			table.RawSetString(key, value(state, one))
		}
		return table
	}
	return lua.LNil
}
