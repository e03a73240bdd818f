//! The environment of containers, and the Fabric nodes that it makes of them.

use std::collections::HashMap;

use super::container::EnvSource;
use super::fabric::{FabricNode, Variable, may_be_of_a_node};
use super::meta::At;
use super::network::Network;
use super::workload::Workload;

/// Variables in the order in which they were set last.
#[derive(Default)]
struct Environment {
    variables: Vec<Option<Variable>>,
    by_name: HashMap<String, usize>,
}

impl Environment {
    /// Sets a variable, if one of that name may be a node's.
    fn put(&mut self, name: String, value: &str, at: At) {
        if !may_be_of_a_node(&name) {
            return;
        }
        if let Some(old) = self.by_name.insert(name.clone(), self.variables.len()) {
            self.variables[old] = None;
        }
        self.variables.push(Some(Variable { name, value: value.to_owned(), at }));
    }
}

impl Network {
    /// The variables of a container that may be those of a node; its own override those taken from whole objects.
    fn environment(&self, workload: &Workload, container: usize) -> Vec<Variable> {
        let mut out = Environment::default();
        let maps = |name: &str| {
            let (namespace, file) = (workload.meta.namespace.as_deref(), &workload.meta.at.path);
            let near = self.index.config_maps.nearest(name, namespace, file);
            near.into_iter().map(|i| &self.config_maps[i]).collect::<Vec<_>>()
        };
        let container = &workload.containers[container];
        for from in &container.env_from {
            for map in maps(&from.config_map) {
                for (key, word) in &map.variables {
                    if from.prefix.is_empty() && !may_be_of_a_node(key) {
                        continue;
                    }
                    out.put(format!("{}{key}", from.prefix), &word.text, map.meta.at.line(word.line));
                }
            }
        }
        for variable in container.env.iter().filter(|v| may_be_of_a_node(&v.name)) {
            match &variable.source {
                EnvSource::Value(value) => out.put(variable.name.clone(), value, workload.meta.at.line(variable.line)),
                EnvSource::ConfigMap { name, key } => {
                    for map in maps(name) {
                        if let Some((_, word)) = map.variables.iter().find(|(k, _)| k == key) {
                            out.put(variable.name.clone(), &word.text, map.meta.at.line(word.line));
                        }
                    }
                }
                EnvSource::Elsewhere => {}
            }
        }
        out.variables.into_iter().flatten().collect()
    }

    /// The Fabric node in a workload.
    pub(super) fn node(&self, w: usize) -> Option<FabricNode> {
        let workload = &self.workloads[w];
        if let Some(operated) = &workload.operated {
            return Some(FabricNode::operated(operated.kind));
        }
        if matches!(workload.meta.kind.as_str(), "Job" | "CronJob") {
            return None;
        }
        let containers = workload.containers.iter().enumerate();
        let nodes = containers.filter_map(|(c, one)| FabricNode::of(c, one, &self.environment(workload, c)));
        // A pod may also have a helper container with the node's variables.
        let nodes: Vec<FabricNode> = nodes.collect();
        let server = nodes.iter().position(|n| n.is_server);
        let found = nodes.into_iter().nth(server.unwrap_or(0))?;
        // A pod with only the `peer` command's variables is not a node, unless a Service leads to a port where a peer
        // listens.
        let leads = |s: &usize| {
            let mut targets = self.services[*s].ports.iter().map(|p| self.target(p, w));
            targets.len() == 0 || targets.any(|target| target.is_none_or(|number| found.listens_at(number)))
        };
        (found.is_server || self.selecting[w].iter().any(leads)).then_some(found)
    }
}
