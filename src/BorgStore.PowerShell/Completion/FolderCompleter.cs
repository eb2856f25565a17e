using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace BorgStore.PowerShell.Completion;

/// <summary>Completes folders.</summary>
public sealed class FolderCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
        => CompletionCompleters.CompleteFilename(wordToComplete).Where(found => found.ResultType == CompletionResultType.ProviderContainer);
}
