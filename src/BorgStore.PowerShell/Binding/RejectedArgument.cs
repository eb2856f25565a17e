using System.Management.Automation;
using System.Runtime.CompilerServices;

namespace BorgStore.PowerShell.Binding;

/// <summary>Arguments that a transformation rejected. The engine wraps whatever a transformation throws in an error record of its own, so the
/// transformation returns a stand-in, and the cmdlet throws the reason with the usual error identifier.</summary>
internal static class RejectedArgument
{
    private static readonly ConditionalWeakTable<object, StoreException> Reasons = [];
    private static volatile bool _any;

    /// <summary>Marks an object as the stand-in for a rejected argument.</summary>
    /// <param name="standIn">An object of the parameter's type that is used for nothing else.</param>
    /// <param name="reason">Why the argument was rejected.</param>
    /// <returns>The stand-in.</returns>
    public static T Mark<T>(T standIn, StoreException reason) where T : class
    {
        Reasons.Add(standIn, reason);
        _any = true;
        return standIn;
    }

    /// <summary>Returns the reason for the first argument of a cmdlet that was rejected, or <see langword="null"/> if none was.</summary>
    /// <param name="cmdlet">The cmdlet. Its properties are looked at, because <c>BoundParameters</c> still has what an earlier piped object bound.</param>
    public static StoreException? Find(PSCmdlet cmdlet)
    {
        if (!_any) return null;
        foreach (var name in cmdlet.MyInvocation.BoundParameters.Keys)
            if (cmdlet.GetType().GetProperty(name)?.GetValue(cmdlet) is { } argument && Reasons.TryGetValue(argument, out var reason)) return reason;
        return null;
    }

    /// <summary>Returns the reason for the first argument of a provider that was rejected, or <see langword="null"/> if none was.</summary>
    /// <param name="parameters">The object with the parameters.</param>
    public static StoreException? Find(object parameters)
    {
        if (!_any) return null;
        foreach (var property in parameters.GetType().GetProperties())
            if (property.GetValue(parameters) is { } argument && Reasons.TryGetValue(argument, out var reason)) return reason;
        return null;
    }
}
