using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Completion;

/// <summary>An argument to complete.</summary>
/// <param name="Command">The cmdlet.</param>
/// <param name="Parameter">The parameter.</param>
/// <param name="Word">The typed part of the argument, without quotes.</param>
/// <param name="Line">The command line.</param>
/// <param name="Bound">The other arguments, as far as they are known without evaluating anything.</param>
internal sealed record CompletionRequest(string Command, string Parameter, string Word, CommandAst Line, IDictionary Bound)
{
    /// <summary>Returns the open store that the command line refers to. Completion never
    /// opens a store, because that might prompt for a password.</summary>
    /// <param name="parameter">The parameter that names the store.</param>
    public Store? FindStore(string parameter = "Store")
    {
        // Expressions are not evaluated, so the store is unknown; the default store would be the wrong one.
        if (Bound[parameter] is null && IsTyped(parameter)) return null;
        return StoreReference.TryFrom(Bound[parameter], out var reference) && StoreSession.Current.Find(reference) is OpenConnection { Store.IsClosed: false } open
            ? open.Store
            : null;
    }

    /// <summary>Returns whether a switch is on.</summary>
    public bool IsOn(string parameter) => LanguagePrimitives.IsTrue(Bound[parameter]);

    private bool IsTyped(string parameter)
        => Line.CommandElements.OfType<CommandParameterAst>().Any(typed => parameter.StartsWith(typed.ParameterName, StringComparison.OrdinalIgnoreCase));
}
