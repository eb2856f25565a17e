using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace BorgStore.Commands;

/// <summary>An argument that is to be completed.</summary>
/// <param name="Command">The cmdlet.</param>
/// <param name="Parameter">The parameter.</param>
/// <param name="Word">What is typed of it, without quotes.</param>
/// <param name="Line">The command as it is typed.</param>
/// <param name="Bound">The other arguments, as far as they are known without running anything.</param>
internal sealed record CompletionRequest(string Command, string Parameter, string Word, CommandAst Line, IDictionary Bound)
{
    /// <summary>The open store that the command line means. No store is opened for a completion: that might ask for a password.</summary>
    /// <param name="parameter">The parameter that names the store.</param>
    public Store? FindStore(string parameter = "Store")
    {
        // An expression is not run, so what it stands for is not known; and it is not the store that is open besides.
        if (Bound[parameter] is null && IsTyped(parameter)) return null;
        return StoreReference.TryFrom(Bound[parameter], out var reference) && StoreSession.Current.Find(reference) is OpenConnection { Store.IsClosed: false } open
            ? open.Store
            : null;
    }

    /// <summary>Whether a switch is on.</summary>
    public bool IsOn(string parameter) => LanguagePrimitives.IsTrue(Bound[parameter]);

    private bool IsTyped(string parameter)
        => Line.CommandElements.OfType<CommandParameterAst>().Any(typed => parameter.StartsWith(typed.ParameterName, StringComparison.OrdinalIgnoreCase));
}
