//! Which imports of a component are types alone: a hook names the handles that it gets by their types, though the plugin calls nothing on them.

use wasmparser::{
    BinaryReaderError, ComponentAlias, ComponentExternalKind, ComponentOuterAliasKind,
    ComponentType, ComponentTypeRef, InstanceTypeDeclaration, Payload,
};

/// The index space of a component's types, as far as it has been read.
#[derive(Default)]
pub(crate) struct TypeSpace {
    /// For types of instances: whether they have a function.
    types: Vec<Option<bool>>,
}

impl TypeSpace {
    /// Takes in a section of the outermost component. Imports are for [`TypeSpace::import`].
    pub(crate) fn take(&mut self, payload: &Payload<'_>) -> Result<(), BinaryReaderError> {
        match payload {
            Payload::ComponentTypeSection(section) => {
                for ty in section.clone() {
                    self.types.push(match ty? {
                        ComponentType::Instance(declarations) => {
                            Some(declarations.iter().any(is_function))
                        }
                        _ => None,
                    });
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section.clone() {
                    let is_type = match alias? {
                        ComponentAlias::InstanceExport { kind, .. } => {
                            kind == ComponentExternalKind::Type
                        }
                        ComponentAlias::Outer { kind, .. } => kind == ComponentOuterAliasKind::Type,
                        ComponentAlias::CoreInstanceExport { .. } => false,
                    };
                    if is_type {
                        self.types.push(None);
                    }
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section.clone() {
                    if export?.kind == ComponentExternalKind::Type {
                        self.types.push(None);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes in an import; true if it is an instance of types alone.
    pub(crate) fn import(&mut self, ty: ComponentTypeRef) -> bool {
        match ty {
            ComponentTypeRef::Instance(index) => {
                let known = usize::try_from(index)
                    .ok()
                    .and_then(|at| self.types.get(at).copied().flatten());
                known == Some(false)
            }
            ComponentTypeRef::Type(_) => {
                self.types.push(None);
                false
            }
            _ => false,
        }
    }
}

fn is_function(declaration: &InstanceTypeDeclaration<'_>) -> bool {
    matches!(
        declaration,
        InstanceTypeDeclaration::Export {
            ty: ComponentTypeRef::Func(_),
            ..
        }
    )
}
