using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace BorgStore.PowerShell.Completion;

/// <summary>Base class for argument completers. They never throw, never prompt, and
/// return within the time that a user waits for the Tab key.</summary>
public abstract class Completer : IArgumentCompleter
{
    private static readonly TimeSpan MaxWait = TimeSpan.FromMilliseconds(800);

    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        try
        {
            using var limit = new CancellationTokenSource(MaxWait);
            var request = new CompletionRequest(commandName, parameterName, ShellWord.Read(wordToComplete), commandAst, fakeBoundParameters);
            return [.. Complete(request, limit.Token).Select(Offer).OfType<CompletionResult>()];
        }
        catch (Exception)
        {
            return [];
        }
    }

    /// <summary>Returns the words that begin with the typed text.</summary>
    private protected abstract IEnumerable<string> Complete(CompletionRequest request, CancellationToken cancellationToken);

    // Skips words that cannot be written so that PowerShell reads them back unchanged.
    private static CompletionResult? Offer(string word)
    {
        if (ShellWord.TryWrite(word) is not { } text) return null;
        var shown = PrintableText.Escape(word);
        return new(text, shown, CompletionResultType.ParameterValue, shown);
    }
}
