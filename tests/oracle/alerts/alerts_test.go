// Package alerts holds the alerts in deploy/prometheus against Prometheus' own code, as promtool does: their syntax, and for which series
// each of them fires.
package alerts

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
)

const (
	file = "../../../deploy/prometheus/fabcert.rules.yaml"
	page = "../../../docs/agent.md"
)

// up is an agent to which nothing has happened. Time begins at 0, so an instant in a year is 31536000.
const up = `
fabcert_build_info{version="1"} 1x2000
fabcert_agent_turned_seconds 0+60x2000
fabcert_certificate_not_after_seconds{id="p",role="tls",path="/tls"} 31536000x2000
fabcert_certificate_due_seconds{id="p",role="tls",path="/tls"} 21000000x2000
fabcert_renewals_total{id="p",result="success",reason="due"} 1x2000
fabcert_renewals_total{id="p",result="failure",reason="due"} 1x2000
fabcert_renewal_overdue{id="p"} 0x2000
fabcert_renewal_loop{id="p"} 0x2000
fabcert_refusals_left{id="p"} 8x2000
fabcert_missing_names{id="p",role="tls"} 0x2000
fabcert_hook_waiting{id="p"} 0x2000
fabcert_served_matches_disk{id="p"} 1x2000
`

// firing gives the alerts that fire after the series, one sample a minute, were evaluated each minute until end.
func firing(t *testing.T, series string, end time.Duration) []string {
	t.Helper()
	storage := promqltest.LoadedStorage(t, "load 1m\n  "+strings.ReplaceAll(strings.TrimSpace(series), "\n", "\n  "))
	engine := promqltest.NewTestEngineWithOpts(t, promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute})
	manager := rules.NewManager(&rules.ManagerOptions{
		NameValidationScheme: model.UTF8Validation,
		QueryFunc:            rules.EngineQueryFunc(engine, storage),
		AppendableV2:         storage,
		Queryable:            storage,
		Context:              context.Background(),
		NotifyFunc:           func(context.Context, string, ...*rules.Alert) {},
		Logger:               promslog.NewNopLogger(),
		ExternalURL:          &url.URL{},
		Parser:               parser.NewParser(parser.Options{}),
	})
	groups, errs := manager.LoadGroups(time.Minute, labels.EmptyLabels(), "", nil, false, file)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var found []string
	for _, group := range groups {
		for at := time.Duration(0); at <= end; at += time.Minute {
			group.Eval(context.Background(), time.Unix(0, 0).Add(at))
		}
		for _, rule := range group.AlertingRules() {
			if rule.LastError() != nil {
				t.Fatal(rule.Name(), rule.LastError())
			}
			if rule.State() == rules.StateFiring {
				found = append(found, rule.Name())
			}
		}
	}
	return found
}

// with is the series of up with one of them replaced.
func with(t *testing.T, name, values string) string {
	t.Helper()
	var lines []string
	changed := false
	for line := range strings.Lines(up) {
		if strings.HasPrefix(line, name) {
			changed = true
			line = name + " " + values + "\n"
		}
		lines = append(lines, line)
	}
	if !changed {
		t.Fatal("no series", name)
	}
	return strings.Join(lines, "")
}

func TestNothingFiresForAnAgentThatWorks(t *testing.T) {
	if found := firing(t, up, 12*time.Hour); len(found) > 0 {
		t.Fatal(found)
	}
}

func TestEachAlertFiresForItsSeriesAndNoOther(t *testing.T) {
	for alert, one := range map[string]struct{ series, values string }{
		"FabcertCertificateExpires":       {`fabcert_certificate_not_after_seconds{id="p",role="tls",path="/tls"}`, "604800x2000"},
		"FabcertRenewalOverdue":           {`fabcert_renewal_overdue{id="p"}`, "1x2000"},
		"FabcertRenewalFails":             {`fabcert_renewals_total{id="p",result="failure",reason="due"}`, "0+1x2000"},
		"FabcertRenewalLoop":              {`fabcert_renewal_loop{id="p"}`, "1x2000"},
		"FabcertRefusalsLeft":             {`fabcert_refusals_left{id="p"}`, "2x2000"},
		"FabcertNamesMissing":             {`fabcert_missing_names{id="p",role="tls"}`, "1x2000"},
		"FabcertServesAnotherCertificate": {`fabcert_served_matches_disk{id="p"}`, "0x2000"},
		"FabcertHooksWait":                {`fabcert_hook_waiting{id="p"}`, "1x2000"},
		"FabcertAgentDoesNotTurn":         {`fabcert_agent_turned_seconds`, "0x2000"},
		"FabcertAgentAbsent":              {`fabcert_build_info{version="1"}`, "_x2000"},
	} {
		if found := firing(t, with(t, one.series, one.values), 12*time.Hour); !slices.Equal(found, []string{alert}) {
			t.Errorf("%s: %v", alert, found)
		}
	}
}

// A restart of a node, and hooks that pass within a few minutes, wake nobody.
func TestAMomentDoesNotFire(t *testing.T) {
	for series, values := range map[string]string{
		`fabcert_served_matches_disk{id="p"}`:      "1x600 0x15 1x2000",
		`fabcert_hook_waiting{id="p"}`:             "0x600 1x15 0x2000",
		`fabcert_renewal_overdue{id="p"}`:          "0x690 1x15 0x2000",
		`fabcert_missing_names{id="p",role="tls"}`: "0x690 1x15 0x2000",
	} {
		if found := firing(t, with(t, series, values), 12*time.Hour); len(found) > 0 {
			t.Errorf("%s: %v", series, found)
		}
	}
}

func TestEachMetricIsOnThePage(t *testing.T) {
	groups, errs := rulefmt.ParseFile(file, false, model.UTF8Validation, parser.NewParser(parser.Options{}), promslog.NewNopLogger())
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	text, err := os.ReadFile(filepath.FromSlash(page))
	if err != nil {
		t.Fatal(err)
	}
	metric := regexp.MustCompile(`fabcert_\w+`)
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			names := metric.FindAllString(rule.Expr, -1)
			if len(names) == 0 {
				t.Error(rule.Alert, "is about no metric")
			}
			for _, name := range names {
				if !strings.Contains(string(text), "`"+name+"`") {
					t.Error(rule.Alert, name)
				}
			}
		}
	}
}
