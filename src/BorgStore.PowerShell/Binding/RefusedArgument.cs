using System.Management.Automation;
using System.Runtime.CompilerServices;

namespace BorgStore.Commands;

/// <summary>Arguments that a transformation rejected. The engine wraps whatever a transformation throws in an error record of its own, so the
/// transformation returns a stand-in, and the cmdlet throws the reason with the usual error identifier.</summary>
internal static class RefusedArgument
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

    /// <summary>Throws the reason for the first argument that was rejected, if any.</summary>
    public static void Check(IEnumerable<object?> arguments)
    {
        if (!_any) return;
        foreach (var argument in arguments)
            if ((argument is PSObject wrapped ? wrapped.BaseObject : argument) is { } plain && Reasons.TryGetValue(plain, out var reason)) throw reason;
    }
}
