//! Which imports of a component are types alone: a hook names the handles that it gets by their types, though the plugin calls nothing on them.

use wasmparser::{
    BinaryReaderError, ComponentAlias, ComponentExternalKind, ComponentOuterAliasKind,
    ComponentType, ComponentTypeRef, InstanceTypeDeclaration, Payload,
};

/// The index space of a component's types, as far as it has been read.
#[derive(Default)]
pub(crate) struct TypeSpace {
    /// For types of instances: the names of their functions.
    types: Vec<Option<Vec<String>>>,
}

impl TypeSpace {
    /// Takes in a section of the outermost component. Imports are for [`TypeSpace::import`].
    pub(crate) fn take(&mut self, payload: &Payload<'_>) -> Result<(), BinaryReaderError> {
        match payload {
            Payload::ComponentTypeSection(section) => {
                for ty in section.clone() {
                    self.types.push(match ty? {
                        ComponentType::Instance(declarations) => {
                            Some(declarations.iter().filter_map(function).collect())
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

    /// Takes in an import; the functions of an instance, none where it has types alone.
    pub(crate) fn import(&mut self, ty: ComponentTypeRef) -> Option<&[String]> {
        match ty {
            ComponentTypeRef::Instance(index) => {
                let at = usize::try_from(index).ok()?;
                self.types.get(at)?.as_deref()
            }
            ComponentTypeRef::Type(_) => {
                self.types.push(None);
                None
            }
            _ => None,
        }
    }
}

/// The name of a function.
fn function(declaration: &InstanceTypeDeclaration<'_>) -> Option<String> {
    match declaration {
        InstanceTypeDeclaration::Export {
            name,
            ty: ComponentTypeRef::Func(_),
        } => Some(name.name.to_owned()),
        _ => None,
    }
}
