using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
namespace BorgStore.Commands;
public abstract class Completer : IArgumentCompleter { public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) => []; }
public sealed class StoreCompleter : Completer {}
public sealed class OpenStoreCompleter : Completer {}
public sealed class NameCompleter : Completer {}
public sealed class NamespaceCompleter : Completer {}
public sealed class EncodingCompleter : Completer {}
public sealed class AlgorithmCompleter : Completer {}
public sealed class PermissionPresetCompleter : Completer {}
