using System.Buffers;
using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace BorgStore.Commands;

/// <summary>Offers words for an argument. Never fails, never asks anything, and takes no longer than a user waits for the Tab key.</summary>
public abstract class Completer : IArgumentCompleter
{
    private static readonly SearchValues<char> NeedQuotes = SearchValues.Create(" '`$&|;,(){}@#\"<>");
    private static readonly TimeSpan LongestWait = TimeSpan.FromMilliseconds(800);

    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        try
        {
            using var limit = new CancellationTokenSource(LongestWait);
            var request = new CompletionRequest(commandName, parameterName, wordToComplete.Trim('\'', '"'), commandAst, fakeBoundParameters);
            return [.. Complete(request, limit.Token).Select(Quote)];
        }
        catch (Exception)
        {
            return [];
        }
    }

    /// <summary>The words that begin with what is typed.</summary>
    private protected abstract IEnumerable<string> Complete(CompletionRequest request, CancellationToken cancellationToken);

    private static CompletionResult Quote(string word)
    {
        var needsQuotes = word.AsSpan().IndexOfAny(NeedQuotes) >= 0;
        return new(needsQuotes ? $"'{word.Replace("'", "''")}'" : word, word, CompletionResultType.ParameterValue, word);
    }
}
