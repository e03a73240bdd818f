// Reads an exposition in the text format on standard input as Prometheus' own programs do: the parser and the checks that
// the node exporter applies to a file of its textfile collector (a series that stands twice, labels, types), then the
// linter that is `promtool check metrics`. It prints the number of series, or each objection and exits 1.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// families gives what a text holds, as a gatherer does: in no order, and not yet looked at for consistency.
func families(text []byte) ([]*dto.MetricFamily, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	parsed, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	var all []*dto.MetricFamily
	for _, family := range parsed {
		all = append(all, family)
	}
	return all, nil
}

func run() error {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	gather := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return families(text) })
	gathered, err := prometheus.Gatherers{gather}.Gather()
	if err != nil {
		return err
	}
	problems, err := promlint.New(bytes.NewReader(text)).Lint()
	if err != nil {
		return err
	}
	for _, problem := range problems {
		fmt.Fprintf(os.Stderr, "%s: %s\n", problem.Metric, problem.Text)
	}
	if len(problems) > 0 {
		return fmt.Errorf("%d objections of the linter", len(problems))
	}
	series := 0
	for _, family := range gathered {
		series += len(family.GetMetric())
	}
	if series == 0 {
		return fmt.Errorf("no series")
	}
	fmt.Println(series)
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
