// Decodes every document of YAML on standard input strictly into the Kubernetes type that it names, as
// `kubectl apply --dry-run=client` does: a field that the type does not have, or a value of another type, is refused.
// It prints each kind with its name, and exits 1 with the first refusal.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	kindv1alpha4 "sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
	"sigs.k8s.io/yaml"
)

// target gives an empty value of the type that a document names.
func target(apiVersion, kind string) any {
	switch apiVersion + " " + kind {
	case "v1 Service":
		return &corev1.Service{}
	case "v1 PersistentVolumeClaim":
		return &corev1.PersistentVolumeClaim{}
	case "v1 ConfigMap":
		return &corev1.ConfigMap{}
	case "v1 Secret":
		return &corev1.Secret{}
	case "v1 ServiceAccount":
		return &corev1.ServiceAccount{}
	case "apps/v1 Deployment":
		return &appsv1.Deployment{}
	case "apps/v1 StatefulSet":
		return &appsv1.StatefulSet{}
	case "networking.k8s.io/v1 Ingress":
		return &networkingv1.Ingress{}
	case "networking.k8s.io/v1 NetworkPolicy":
		return &networkingv1.NetworkPolicy{}
	case "policy/v1 PodDisruptionBudget":
		return &policyv1.PodDisruptionBudget{}
	case "kind.x-k8s.io/v1alpha4 Cluster":
		return &kindv1alpha4.Cluster{}
	}
	return nil
}

func run() error {
	reader := utilyaml.NewYAMLReader(bufio.NewReader(os.Stdin))
	for count := 0; ; count++ {
		document, err := reader.Read()
		if err == io.EOF {
			if count == 0 {
				return fmt.Errorf("no document")
			}
			return nil
		}
		if err != nil {
			return err
		}
		var meta metav1.TypeMeta
		if err := yaml.Unmarshal(document, &meta); err != nil {
			return err
		}
		into := target(meta.APIVersion, meta.Kind)
		if into == nil {
			return fmt.Errorf("document %d: %s %s is not known here", count+1, meta.APIVersion, meta.Kind)
		}
		if err := yaml.UnmarshalStrict(document, into); err != nil {
			return fmt.Errorf("document %d, %s: %w", count+1, meta.Kind, err)
		}
		if object, ok := into.(metav1.Object); ok {
			fmt.Printf("%s %s\n", meta.Kind, object.GetName())
		} else {
			fmt.Println(meta.Kind)
		}
	}
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
